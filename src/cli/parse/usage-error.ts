/** A flag or an argument that makes no sense: docker's exit code 125 for it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 125) {
    super(message);
    this.exitCode = exitCode;
  }
}
