import * as z from "zod/mini";
import { errorCodes } from "../errors.ts";

/**
 * The envelope of the control WebSocket (`/rpc`): JSON-RPC 2.0, one message a frame.
 *
 * client → engine: requests. engine → client: responses and two notifications, `item` (a subscription's next item) and
 * `progress` (how far a long request has come). Streams of bytes run on sockets of their own: see streams.ts.
 */

export { protocolVersion } from "./constants.ts";

const wireError = z.object({
  /** JSON-RPC wants an integer; ours is always -32000, the meaning is in `data.code`. */
  code: z.number(),
  message: z.string(),
  data: z.optional(
    z.object({
      code: z.enum(errorCodes),
      hint: z.nullable(z.string()),
      exitCode: z.nullable(z.number()),
    }),
  ),
});
export type WireError = z.infer<typeof wireError>;

export const requestMessage = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.number(),
  method: z.string(),
  params: z.optional(z.unknown()),
});
export type RequestMessage = z.infer<typeof requestMessage>;

const responseMessage = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.number(),
  result: z.optional(z.unknown()),
  error: z.optional(wireError),
});

/** A subscription's items carry consecutive sequence numbers, so that a gap cannot go unnoticed. */
const itemMessage = z.object({
  jsonrpc: z.literal("2.0"),
  method: z.literal("item"),
  params: z.object({ subscriptionID: z.number(), sequence: z.number(), item: z.unknown() }),
});

/** A piece of a long request that goes on beside others: a layer. */
const progressPart = z.object({
  /** Short digest. */
  id: z.string(),
  phase: z.enum(["waiting", "downloading", "uploading", "unpacking", "present", "mounted", "done"]),
  /** Bytes. */
  current: z.number(),
  total: z.nullable(z.number()),
});
export type ProgressPart = z.infer<typeof progressPart>;

/** How far a long request has come. Conflated: only the newest matters. */
export const progress = z.object({
  /** What is being done now, e.g. `unpacking`. */
  phase: z.string(),
  /** What it is done to, e.g. a short layer digest. Empty for the whole. */
  object: z.string(),
  /** Bytes or things done so far, and how many there will be; null while unknown. */
  current: z.number(),
  total: z.nullable(z.number()),
  unit: z.enum(["bytes", "items"]),
  /** Every layer of a pull or push, lowest first; absent for other work. */
  parts: z.optional(z.array(progressPart)),
});
export type Progress = z.infer<typeof progress>;

const progressMessage = z.object({
  jsonrpc: z.literal("2.0"),
  method: z.literal("progress"),
  params: z.object({ requestID: z.number(), progress }),
});

export const engineMessage = z.union([itemMessage, progressMessage, responseMessage]);
export type EngineMessage = z.infer<typeof engineMessage>;
