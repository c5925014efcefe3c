/** A flag or an argument that makes no sense: docker's exit code 125 for it. exitCode null: that of a failed command. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode: number | null;

  constructor(message: string, exitCode: number | null = 125) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What docker's client lets through and its engine refuses: `create` has another exit code for that than for a wrong flag. */
export function refused(message: string): UsageError {
  return new UsageError(message, null);
}
