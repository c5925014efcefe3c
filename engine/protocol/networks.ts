import * as z from "zod/mini";
import { endpointSettings } from "./create-request.ts";

const texts = z.record(z.string(), z.string());

/** One address range of a network, as asked for or as given. IPv4 or IPv6. */
const subnet = z.object({
  /** CIDR. Empty in a request: the engine chooses. */
  subnet: z.string(),
  /** The bridge's own address; empty in a request: the first. */
  gateway: z.string(),
  /** CIDR inside the subnet from which containers get addresses; empty: all of it. */
  ipRange: z.string(),
  /** By name, of things that have them already: no container gets one. */
  auxiliaryAddresses: z.optional(texts),
});
export type SubnetRequest = z.infer<typeof subnet>;

const networkDriver = z.enum(["bridge", "macvlan", "ipvlan", "host", "null"]);
export type NetworkDriver = z.infer<typeof networkDriver>;

export const createNetworkRequest = z.object({
  name: z.string(),
  driver: z.enum(["bridge", "macvlan", "ipvlan"]),
  subnets: z.array(subnet),
  /** No way out and none in: only its own containers are reached. */
  internal: z.boolean(),
  enableIPv6: z.boolean(),
  labels: texts,
  /** docker's, kept for who asks: containers may join any network. */
  attachable: z.optional(z.boolean()),
  /** docker's `--ipam-opt`, kept for who asks: the only driver knows none. */
  ipamOptions: z.optional(z.nullable(texts)),
  /** docker's: `com.docker.network.driver.mtu`, `com.docker.network.bridge.name`, `…enable_icc`, `…enable_ip_masquerade`, `…host_binding_ipv4`, `parent`, … */
  options: texts,
});
export type CreateNetworkRequest = z.infer<typeof createNetworkRequest>;

/** One row of `gantry network ls` and of the dashboard. `bridge`, `host` and `none` are always there. */
export const networkSummary = z.object({
  /** 64 hex digits. */
  id: z.string(),
  name: z.string(),
  driver: networkDriver,
  createdAt: z.string(),
  internal: z.boolean(),
  enableIPv6: z.boolean(),
  subnets: z.array(subnet),
  labels: texts,
  options: texts,
  /** The bridge on the host, or the parent of a macvlan; null where there is none. */
  interfaceName: z.nullable(z.string()),
  /** Bytes. */
  mtu: z.nullable(z.number()),
  /** Running containers on it. */
  containers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      ipAddress: z.nullable(z.string()),
      ipv6Address: z.nullable(z.string()),
      macAddress: z.nullable(z.string()),
    }),
  ),
});
export type NetworkSummary = z.infer<typeof networkSummary>;

/** `network` params take a name, an id, or a unique prefix of an id. */
export const networkMethods = {
  "networks.list": { params: z.object({}), result: z.array(networkSummary) },
  /** `already-exists`: name taken. `failed-precondition`: the subnet overlaps another network or a route of the host. */
  "networks.create": {
    params: createNetworkRequest,
    result: z.object({ id: z.string(), warnings: z.array(z.string()) }),
  },
  /** docker's inspect JSON. */
  "networks.inspect": { params: z.object({ network: z.string() }), result: z.record(z.string(), z.unknown()) },
  /** `failed-precondition` while a container is on it, or for `bridge`, `host`, `none`. */
  "networks.remove": { params: z.object({ network: z.string() }), result: z.object({ id: z.string() }) },
  /** Also on a container that does not run: it joins at its start. */
  "networks.connect": {
    params: z.object({ network: z.string(), container: z.string(), settings: endpointSettings }),
    result: z.object({}),
  },
  /** force: also where the container is gone or its namespace is broken. */
  "networks.disconnect": {
    params: z.object({ network: z.string(), container: z.string(), force: z.boolean() }),
    result: z.object({}),
  },
  /** Removes networks that no container uses. until, labels: as images.prune. */
  "networks.prune": {
    params: z.object({ until: z.nullable(z.string()), labels: z.array(z.string()), dryRun: z.boolean() }),
    result: z.object({ removed: z.array(z.object({ id: z.string(), name: z.string() })) }),
  },
  /** Writes bridges, addresses and firewall rules anew, as records say. */
  "networks.reload": { params: z.object({}), result: z.object({}) },
} as const;
