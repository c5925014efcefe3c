import * as z from "zod/mini";

const transportProtocol = z.enum(["tcp", "udp", "sctp"]);
export type TransportProtocol = z.infer<typeof transportProtocol>;

/** A port asked for. hostPort null: the engine picks a free one. hostAddress empty: all addresses. */
export const portRequest = z.object({
  hostAddress: z.string(),
  hostPort: z.nullable(z.number().check(z.int(), z.minimum(1), z.maximum(65535))),
  /** The engine takes the first free one from hostPort to this. */
  hostPortLast: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(65535))),
  containerPort: z.number().check(z.int(), z.minimum(1), z.maximum(65535)),
  protocol: transportProtocol,
});
export type PortRequest = z.infer<typeof portRequest>;

/** A port in force. */
export const portBinding = z.object({
  hostAddress: z.string(),
  hostPort: z.number(),
  containerPort: z.number(),
  protocol: transportProtocol,
});
export type PortBinding = z.infer<typeof portBinding>;
