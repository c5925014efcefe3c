import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { matchesLabels } from "../../lib/label-filter.ts";
import type { NetworkService } from "../../networks/network-service.ts";
import type { NetworkSummary } from "../../protocol/networks.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { endpointConfig, toEndpointSettings } from "../endpoint-config.ts";
import { type Filters, filterFlag } from "../filters.ts";
import { flag, text } from "../go-json.ts";
import { matchesAnyName } from "../name-pattern.ts";
import { networkBody, toCreateNetworkRequest } from "../network-body.ts";
import { parsePruneFilters } from "../prune-filters.ts";
import type { Route } from "../router.ts";

const listFilters = ["dangling", "driver", "id", "label", "name", "scope", "type"];
/** Before it, lists told of containers, too. */
const sparseLists = 28;

const connectBody = z.object({ Container: text, EndpointConfig: z.nullish(endpointConfig) });
const disconnectBody = z.object({ Container: text, Force: flag });

export function networkRoutes(parts: ServerParts): Route[] {
  const { networks } = parts;
  return [
    { method: "GET", path: "/networks", handle: (call) => list(networks, call) },
    { method: "GET", path: "/networks/{id}", handle: (call) => inspect(networks, call) },
    { method: "POST", path: "/networks/create", handle: (call) => create(networks, call) },
    { method: "POST", path: "/networks/prune", handle: (call) => prune(parts, call) },
    { method: "POST", path: "/networks/{id}/connect", handle: (call) => connect(parts, call) },
    { method: "POST", path: "/networks/{id}/disconnect", handle: (call) => disconnect(parts, call) },
    { method: "DELETE", path: "/networks/{id}", handle: (call) => remove(networks, call) },
  ];
}

function list(networks: NetworkService, call: ApiCall): void {
  const filters = call.filters(listFilters);
  checkFilters(filters);
  const chosen = networks.list().filter((network) => passes(network, filters));
  call.reply(
    200,
    chosen.map(({ id }) => {
      const inspected = networks.inspect(id);
      return call.version < sparseLists ? inspected : { ...inspected, Containers: {} };
    }),
  );
}

function checkFilters(filters: Filters): void {
  for (const type of filters.get("type") ?? []) {
    if (type === "custom" || type === "builtin") continue;
    throw new EngineError("invalid-argument", `invalid filter: 'type'='${type}'`);
  }
}

function passes(network: NetworkSummary, filters: Filters): boolean {
  const oneOf = (name: string, fits: (value: string) => boolean) => filters.get(name)?.some(fits) ?? true;
  const isBuiltin = ["bridge", "host", "none"].includes(network.name);
  const dangling = filterFlag(filters, "dangling");
  return (
    oneOf("driver", (driver) => driver === network.driver) &&
    oneOf("scope", (scope) => scope === "local") &&
    oneOf("type", (type) => (type === "builtin") === isBuiltin) &&
    oneOf("id", (id) => matchesAnyName([id], network.id)) &&
    oneOf("name", (name) => matchesAnyName([name], network.name)) &&
    matchesLabels(network.labels, filters.get("label") ?? []) &&
    (dangling === null || dangling === (!isBuiltin && network.containers.length === 0))
  );
}

function inspect(networks: NetworkService, call: ApiCall): void {
  const scope = call.text("scope");
  if (scope !== "" && scope !== "local") {
    throw new EngineError("not-found", `network ${call.param("id")} not found`);
  }
  call.reply(200, networks.inspect(call.param("id")));
}

async function create(networks: NetworkService, call: ApiCall): Promise<void> {
  const request = toCreateNetworkRequest(await call.json(networkBody));
  const { id, warnings } = await asForbidden(networks.create(request));
  call.reply(201, { Id: id, Warning: warnings.join("; ") });
}

async function remove(networks: NetworkService, call: ApiCall): Promise<void> {
  await asForbidden(networks.remove(call.param("id")));
  call.end(204);
}

async function connect({ containers, networks }: ServerParts, call: ApiCall): Promise<void> {
  const body = await call.json(connectBody);
  const network = networks.get(call.param("id"));
  const settings = toEndpointSettings(body.EndpointConfig ?? null);
  await asForbidden(containers.connect(body.Container, { network: network.id, settings }));
  call.end(200);
}

async function disconnect({ containers, networks }: ServerParts, call: ApiCall): Promise<void> {
  const body = await call.json(disconnectBody);
  const network = networks.get(call.param("id"));
  await asForbidden(containers.disconnect(body.Container, network.id, body.Force));
  call.end(200);
}

async function prune({ containers, networks }: ServerParts, call: ApiCall): Promise<void> {
  const { until, labels } = parsePruneFilters(call);
  const isNamed = ({ id }: { readonly id: string }) => containers.namesNetwork(id);
  const removed = await networks.prune({ until, labels, dryRun: false, isNamed });
  call.reply(200, { NetworksDeleted: removed.length === 0 ? null : removed.map(({ name }) => name) });
}

/** docker's status for what a network cannot do as it is. */
async function asForbidden<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "failed-precondition") throw error;
    const hint = error.hint === null ? "" : `: ${error.hint}`;
    throw new ApiError(403, `${error.message}${hint}`, error.code);
  }
}
