import * as z from "zod/mini";

/**
 * Byte streams: one WebSocket each, at `/stream/<streamID>`. The client makes up the ID (a UUID), names it in the request
 * that uses it (`containers.attach`, `containers.exec`, `containers.logs`, `images.load`, `images.import`) and opens the
 * socket; in either order, the engine waits 10 s for the other half. A stream belongs to one request.
 *
 * Binary frames carry bytes. From the engine each begins with one channel byte; from the client they are bare bytes.
 * Text frames carry the control messages below. Back-pressure is TCP's: each end stops reading its source while the
 * socket's buffer is above its high-water mark.
 */
export { type Channel, channel } from "./constants.ts";

export const streamIDPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * A regular file that the client has open, on the engine's own host: instead of having it sent, the engine may read it itself. It answers
 * with one byte on channel `stdout` (`offerAnswer`); until then, or for 200 ms, the client sends nothing. device, inode: as the client sees
 * them, since a process of this number may be another one where the engine is.
 */
export const openFile = z.object({ pid: z.number(), fd: z.number(), device: z.string(), inode: z.string() });
export type OpenFile = z.infer<typeof openFile>;

/** client → engine */
export const clientControl = z.discriminatedUnion("type", [
  z.object({ type: z.literal("resize"), rows: z.number(), columns: z.number() }),
  /** End of stdin, or of the upload. */
  z.object({ type: z.literal("end") }),
  /** Leave the process running and close the stream. */
  z.object({ type: z.literal("detach") }),
]);
export type ClientControl = z.infer<typeof clientControl>;

/** engine → client */
export const engineControl = z.discriminatedUnion("type", [
  /** The process ended, or the log did (exitCode null). The last message; the engine closes the socket after it. */
  z.object({ type: z.literal("exit"), exitCode: z.nullable(z.number()) }),
  z.object({ type: z.literal("error"), message: z.string() }),
]);
export type EngineControl = z.infer<typeof engineControl>;
