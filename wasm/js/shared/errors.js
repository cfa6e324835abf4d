export class PortcullisError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'PortcullisError';
    this.code = code;
  }
}
