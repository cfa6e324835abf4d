export class PortcullisError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'PortcullisError';
    this.code = code;
  }
}

// The module throws plain Errors with a code; whatever has none is a defect and stays as it is.
export function guarded(call) {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && typeof error.code === 'string') {
      throw new PortcullisError(error.code, error.message);
    }
    throw error;
  }
}
