import { EngineError, messageOf } from "../errors.ts";
import type { WireError } from "../protocol/rpc.ts";

/** What a client is told of a failure. Of an unexpected one only the message: its stack is in the engine's log. */
export function toWireError(error: unknown): WireError {
  if (error instanceof EngineError) {
    const { code, hint, exitCode, message } = error;
    return { code: -32000, message, data: { code, hint, exitCode } };
  }
  return {
    code: -32000,
    message: `internal error: ${messageOf(error)}`,
    data: { code: "internal", hint: "see the engine's log: gantry engine logs", exitCode: null },
  };
}
