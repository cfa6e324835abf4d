// An error that the command's user has to fix.

export class Mistake extends Error {
  constructor(message, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}
