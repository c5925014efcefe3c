import { EngineError } from "../errors.ts";
import type { ApiCall } from "./api-call.ts";
import { errorBody, statusOf } from "./api-error.ts";

/**
 * Hands the body of a request to a work, as it comes. Where that fails before the body has ended, the client gets its answer at once, and
 * what it still sends is thrown away: a client that cannot get rid of its body would not look at the answer.
 */
export async function withUpload(
  call: ApiCall,
  work: (body: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const { request, response, signal } = call;
  try {
    // Left early, the usual iterator would close the connection.
    await work(request.iterator({ destroyOnReturn: false }));
  } catch (error) {
    if (signal.aborted || response.headersSent) throw error;
    // What is damaged is what was sent.
    const isDamaged = error instanceof EngineError && error.code === "corrupt";
    call.reply(isDamaged ? 400 : statusOf(error), errorBody(error));
  } finally {
    request.resume();
  }
}
