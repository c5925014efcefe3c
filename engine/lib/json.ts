import { EngineError, messageOf } from "../errors.ts";

/** From this size on a document is looked at before it is parsed. */
const smallDocument = 64 * 1024;
/**
 * Values and nesting that are parsed. 8 MiB of `{},{},…` take V8 more than a second and 400 MB, while nothing else is done; an image of 500
 * layers with 10,000 steps of history has 60,000 values, a list of all tags a registry may give 100,000.
 */
const mostValues = 250_000;
const deepestNesting = 200;

/** Reads bytes from outside as JSON. Fails with `corrupt`; `what` names them in the message. */
export function decodeJson(bytes: Uint8Array, what: string): unknown {
  if (isExcessive(bytes)) throw new EngineError("corrupt", `${what} has more values, or deeper ones, than are read`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new EngineError("corrupt", `${what} is not valid json: ${messageOf(error).slice(0, 120)}`, { cause: error });
  }
}

/** The value of a JSON text, or undefined where it is none, or one of very many values. */
export function findJson(text: string): unknown {
  if (text.length > smallDocument && isExcessive(Buffer.from(text))) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
/** `[` and `]`, `{` and `}` differ from each other in the same bit. */
const caseBit = 0x20;

function isExcessive(bytes: Uint8Array): boolean {
  if (bytes.length <= smallDocument) return false;
  let values = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at);
    else if (byte === comma) values += 1;
    else if (byte !== undefined && (byte & ~caseBit) === 0x5b) {
      values += 1;
      depth += 1;
    } else if (byte !== undefined && (byte & ~caseBit) === 0x5d) depth -= 1;
    if (values > mostValues || depth > deepestNesting) return true;
  }
  return false;
}

/** Of the quote that ends the string which one at `start` begins. */
function endOfString(bytes: Uint8Array, start: number): number {
  let end = bytes.indexOf(quote, start + 1);
  while (end !== -1 && isEscaped(bytes, end)) end = bytes.indexOf(quote, end + 1);
  return end === -1 ? bytes.length : end;
}

function isEscaped(bytes: Uint8Array, at: number): boolean {
  let first = at;
  while (bytes[first - 1] === backslash) first -= 1;
  return (at - first) % 2 === 1;
}
