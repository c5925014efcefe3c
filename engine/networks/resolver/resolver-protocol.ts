import { join } from "node:path";
import * as z from "zod/mini";
import type { EngineConfig } from "../../config.ts";

/** Where a container's resolver listens inside its own netns: docker's address, which many configurations name. */
export const resolverAddress = "127.0.0.11";
/** Port 53 leads here, so that a container may have a name server of its own on it. Above the kernel's ephemeral ports. */
export const resolverPort = 61_053;
/** An engine ends a resolver of another version and starts its own. */
export const resolverVersion = 2;

/** nft script for inside a netns, which may be run again. */
export const resolverDoor = `table ip gantry_resolver
delete table ip gantry_resolver
table ip gantry_resolver {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${resolverAddress} udp dport 53 dnat to ${resolverAddress}:${resolverPort}
    ip daddr ${resolverAddress} tcp dport 53 dnat to ${resolverAddress}:${resolverPort}
  }
}
`;

const endpoint = z.object({
  networkID: z.string(),
  network: z.string(),
  ipv4: z.nullable(z.string()),
  ipv6: z.nullable(z.string()),
  /** The first is what its address is called. */
  names: z.array(z.string()),
  /** Names of others by which this container alone asks for them: alias, then name. */
  links: z.optional(z.record(z.string(), z.string())),
});
export type ResolverEndpoint = z.infer<typeof endpoint>;

const view = z.object({
  container: z.string(),
  netnsPath: z.string(),
  /** Those on networks that resolve names. */
  endpoints: z.array(endpoint),
  /** False: all its networks are internal, so that nothing may leave by way of names either. */
  forwards: z.boolean(),
  /** `--dns`; empty: the host's own. */
  servers: z.array(z.string()),
});
/** What the resolver knows of one container. */
export type ResolverView = z.infer<typeof view>;

/** Lines of JSON from the engine. Each is answered by a line `{id, error}`, error null for a success. */
export const resolverRequest = z.discriminatedUnion("kind", [
  z.object({ id: z.number(), kind: z.literal("put"), view }),
  z.object({ id: z.number(), kind: z.literal("drop"), container: z.string() }),
  /** All there are: others are dropped. */
  z.object({ id: z.number(), kind: z.literal("reset"), views: z.array(view) }),
  z.object({ id: z.number(), kind: z.literal("end") }),
]);
export type ResolverRequest = z.infer<typeof resolverRequest>;

/** The first line on each connection has the version in place of an id. */
export const resolverReply = z.union([
  z.object({ version: z.number() }),
  z.object({ id: z.number(), error: z.nullable(z.string()) }),
]);

export function resolverSocket(config: Pick<EngineConfig, "run">): string {
  return join(config.run, "resolver.sock");
}

export function resolverPidFile(config: Pick<EngineConfig, "run">): string {
  return join(config.run, "resolver.pid");
}
