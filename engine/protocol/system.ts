import * as z from "zod/mini";

export const handshakeParams = z.object({
  protocolVersion: z.number(),
  clientName: z.string(),
  clientVersion: z.string(),
});
export const handshakeResult = z.object({
  protocolVersion: z.number(),
  engineVersion: z.string(),
  /** New at every start of the engine: tells a client that sequence numbers begin anew. */
  epoch: z.string(),
  pid: z.number(),
  /** RFC 3339. */
  startedAt: z.string(),
});
export type Handshake = z.infer<typeof handshakeResult>;

export const systemInfo = z.object({
  hostname: z.string(),
  kernel: z.string(),
  architecture: z.string(),
  operatingSystem: z.string(),
  cpus: z.number(),
  /** Bytes. */
  memory: z.number(),
  root: z.string(),
  run: z.string(),
  engineVersion: z.string(),
  pid: z.number(),
  startedAt: z.string(),
  /** v1, v2 or hybrid. */
  cgroupMode: z.enum(["v1", "v2", "hybrid"]),
  runtime: z.string(),
  runtimeVersion: z.string(),
  /** Bytes of the file system under root. */
  diskTotal: z.number(),
  diskFree: z.number(),
  containers: z.object({ total: z.number(), running: z.number(), paused: z.number(), stopped: z.number() }),
  images: z.number(),
});
export type SystemInfo = z.infer<typeof systemInfo>;
