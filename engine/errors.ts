export const errorCodes = [
  "invalid-argument",
  "not-found",
  "already-exists",
  "failed-precondition",
  "permission-denied",
  "unauthenticated",
  "unavailable",
  "unimplemented",
  "cancelled",
  "corrupt",
  "resource-exhausted",
  "internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Characters. Messages quote what came from outside, and go to terminals and logs. */
const longestMessage = 4_000;

/**
 * The only error that crosses a module boundary: `code` is for programs, `message` and `hint` are for people.
 * A message is lower case, has no period, and names the object and the reason; the hint says what to do.
 */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;
  readonly hint: string | null;
  /**
   * Exit status the command line gives for this failure, where docker has one of its own: 125 the engine failed,
   * 126 the command cannot be invoked, 127 the command was not found. Null: the verb's default.
   */
  readonly exitCode: number | null;

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message, {
      cause: options.cause,
    });
    this.code = code;
    this.hint = options.hint ?? null;
    this.exitCode = options.exitCode ?? null;
  }

  /** Says what we were doing. Keeps code, hint and exit code, so a caller can still branch on them. */
  static wrap(doing: string, cause: unknown): EngineError {
    if (cause instanceof EngineError) {
      return new EngineError(cause.code, `${doing}: ${cause.message}`, {
        cause,
        hint: cause.hint,
        exitCode: cause.exitCode,
      });
    }
    return new EngineError("internal", `${doing}: ${messageOf(cause)}`, { cause });
  }
}

export type EngineErrorOptions = {
  readonly cause?: unknown;
  readonly hint?: string | null;
  readonly exitCode?: number | null;
};

/** The text of anything that was thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
