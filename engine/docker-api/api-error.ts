import { EngineError, type ErrorCode, messageOf } from "../errors.ts";

/** As moby's httpstatus package has them. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  "invalid-argument": 400,
  "not-found": 404,
  "already-exists": 409,
  "failed-precondition": 409,
  "permission-denied": 403,
  unauthenticated: 401,
  unavailable: 503,
  unimplemented: 501,
  cancelled: 499,
  corrupt: 500,
  "resource-exhausted": 500,
  internal: 500,
};

/** A failure with a status of its own, where that of an EngineError's code is not what docker's clients expect. */
export class ApiError extends EngineError {
  readonly status: number;

  constructor(status: number, message: string, code: ErrorCode = "invalid-argument") {
    super(code, message);
    this.status = status;
  }
}

export function statusOf(error: unknown): number {
  if (error instanceof ApiError) return error.status;
  return error instanceof EngineError ? statuses[error.code] : 500;
}

/** What people read: docker's clients show nothing but this text. */
export function errorBody(error: unknown): { readonly message: string } {
  const hint = error instanceof EngineError && error.hint !== null ? `: ${error.hint}` : "";
  return { message: `${messageOf(error)}${hint}` };
}
