import { EngineError } from "../errors.ts";
import { leaveGarbage } from "../lib/young-garbage.ts";
import type { ApiCall } from "./api-call.ts";

/** Takes bytes for the client; resolves when their memory may be used again. Rejects with `cancelled` when the client goes. */
export type ByteOutput = (bytes: Uint8Array) => Promise<void>;

/** Sends the status and these headers with the first bytes: before them a failure can still be an answer of its own. */
export function byteOutput(call: ApiCall, headers: Readonly<Record<string, string>>): ByteOutput {
  const { response, signal } = call;
  return (bytes) => {
    leaveGarbage(bytes.length);
    if (!response.headersSent && !signal.aborted) response.writeHead(200, headers);
    return new Promise((resolve, reject) => {
      const gone = () => reject(new EngineError("cancelled", "the client closed its connection"));
      if (signal.aborted || response.destroyed) return gone();
      signal.addEventListener("abort", gone, { once: true });
      response.write(bytes, (error) => {
        signal.removeEventListener("abort", gone);
        if (error) gone();
        else resolve();
      });
    });
  };
}
