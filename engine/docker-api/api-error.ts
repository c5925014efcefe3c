import { EngineError, type ErrorCode } from "../errors.ts";
import { dockerWords } from "./docker-words.ts";

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
  if (!(error instanceof EngineError)) return 500;
  // What a container was told to run is part of what was asked for.
  return error.exitCode === 126 || error.exitCode === 127 ? 400 : statuses[error.code];
}

export function errorBody(error: unknown): { readonly message: string } {
  return { message: dockerWords(error) };
}
