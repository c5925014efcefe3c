import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import type { CreateNetworkRequest, SubnetRequest } from "../protocol/networks.ts";
import { ApiError } from "./api-error.ts";
import { flag, text, textMap } from "./go-json.ts";

const ipamConfig = z.object({ Subnet: text, IPRange: text, Gateway: text, AuxiliaryAddresses: textMap });

/** moby's NetworkCreateRequest. `CheckDuplicate` is left out: names are always looked at. */
export const networkBody = z.object({
  Name: text,
  Driver: text,
  Scope: text,
  EnableIPv4: z.nullish(z.boolean()),
  EnableIPv6: flag,
  IPAM: z.nullish(z.object({ Driver: text, Options: z.nullish(textMap), Config: z.nullish(z.array(ipamConfig)) })),
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: z.nullish(z.object({ Network: text })),
  Options: textMap,
  Labels: textMap,
});
export type NetworkBody = z.output<typeof networkBody>;

const ipv6Option = "com.docker.network.enable_ipv6";

/** Fails in docker's words where there are any. */
export function toCreateNetworkRequest(body: NetworkBody): CreateNetworkRequest {
  refuse(body);
  return {
    name: body.Name,
    driver: toDriver(body.Driver),
    subnets: (body.IPAM?.Config ?? []).map(toSubnet),
    internal: body.Internal,
    // Some clients ask for it by an option.
    enableIPv6: body.EnableIPv6 || body.Options[ipv6Option] === "true",
    labels: body.Labels,
    options: body.Options,
    attachable: body.Attachable,
    ipamOptions: body.IPAM?.Options ?? null,
  };
}

function toSubnet(config: z.output<typeof ipamConfig>): SubnetRequest {
  const { Subnet: subnet, Gateway: gateway, IPRange: ipRange, AuxiliaryAddresses: auxiliaryAddresses } = config;
  const own = { subnet, gateway, ipRange };
  return Object.keys(auxiliaryAddresses).length === 0 ? own : { ...own, auxiliaryAddresses };
}

function toDriver(driver: string): CreateNetworkRequest["driver"] {
  if (driver === "" || driver === "default") return "bridge";
  if (driver === "bridge" || driver === "macvlan" || driver === "ipvlan") return driver;
  if (driver === "host" || driver === "null") {
    throw new ApiError(403, `only one instance of ${JSON.stringify(driver)} network is allowed`);
  }
  if (driver === "overlay") throw noSwarm();
  const name = JSON.stringify(driver.slice(0, 80)).slice(1, -1);
  throw new EngineError("not-found", `could not find plugin ${name} in v1 plugin registry: plugin not found`);
}

function refuse({ EnableIPv4: ipv4, IPAM: ipam, ...body }: NetworkBody): void {
  if (body.Scope === "swarm" || body.Ingress) throw noSwarm();
  const driver = ipam?.Driver ?? "";
  const refused = [
    [ipv4 === false, "a network without IPv4 is"],
    [driver !== "" && driver !== "default", `IPAM driver ${JSON.stringify(driver.slice(0, 80))} is`],
    [body.ConfigOnly || Boolean(body.ConfigFrom?.Network), "a network's configuration of its own is"],
  ].find(([isAsked]) => isAsked);
  if (refused !== undefined) throw new EngineError("unimplemented", `${refused[1]} not supported`);
}

function noSwarm(): ApiError {
  return new ApiError(
    503,
    "This node is not a swarm manager. Gantry is an engine of a single host: use a network with driver bridge",
    "unavailable",
  );
}
