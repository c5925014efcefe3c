import { EngineError, messageOf } from "../errors.ts";

/** Reads bytes from outside as JSON. Fails with `corrupt`; `what` names them in the message. */
export function decodeJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new EngineError("corrupt", `${what} is not valid json: ${messageOf(error).slice(0, 120)}`, { cause: error });
  }
}

/** The value of a JSON text, or undefined where it is none. */
export function findJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
