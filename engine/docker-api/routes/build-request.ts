import { randomUUID } from "node:crypto";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { findJson } from "../../lib/json.ts";
import type { BuildRequest, ContextSource } from "../../protocol/builds.ts";
import { unlimited } from "../../protocol/defaults.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { Credentials } from "../../protocol/transfers.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { text, whole } from "../go-json.ts";
import { toCredentials } from "../registry-auth.ts";

/** A value of null is a name without a value: as if it had not been named. */
const pairs = z.record(z.string(), z.nullable(z.string()));
const ulimits = z.array(z.object({ Name: text, Soft: whole, Hard: whole }));
const longestHeader = 1024 * 1024;

/** What the query of `POST /build` asks for; the body is its context where it names no other. Fails with `invalid-argument`. */
export function toBuildRequest(call: ApiCall): BuildRequest {
  refuse(call);
  const remote = call.text("remote");
  const context: ContextSource = remote === "" ? { type: "stream" } : { type: "remote", url: remote };
  return {
    buildID: randomUUID(),
    context,
    namedContexts: {},
    dockerfile: { type: "path", path: call.text("dockerfile") || "Dockerfile" },
    output: { type: "image" },
    tags: call.query.getAll("t").filter((tag) => tag !== ""),
    labels: pairsOf(call, "labels"),
    buildArgs: pairsOf(call, "buildargs"),
    target: call.text("target"),
    platform: call.text("platform"),
    pull: call.flag("pull"),
    noCache: call.flag("nocache"),
    noCacheFilter: [],
    ...runFields(call),
    secrets: [],
    ssh: [],
    allow: [],
    // The engine's own cache knows what is in the images that are here.
    cacheFrom: [],
    cacheTo: [],
    squash: call.flag("squash"),
    check: false,
    provenance: "",
    sbom: false,
    sourceDateEpoch: null,
    credentials: registryConfigOf(call),
  };
}

/** What each RUN gets. */
function runFields(call: ApiCall) {
  return {
    network: call.text("networkmode") || "default",
    extraHosts: call.query.getAll("extrahosts").filter(Boolean).map(parseHost),
    resources: resourcesOf(call),
    shmSize: orNull(call.integer("shmsize")),
    ulimits: jsonOf(call, "ulimits", ulimits, []).map(({ Name, Soft, Hard }) => ({
      name: Name,
      soft: Soft,
      hard: Hard,
    })),
    cgroupParent: call.text("cgroupparent"),
  };
}

function refuse(call: ApiCall): void {
  if (call.text("version") === "2" || call.text("remote") === "client-session") {
    throw new ApiError(
      501,
      "gantry does not speak BuildKit: set DOCKER_BUILDKIT=0 to build with the classic builder",
      "unimplemented",
    );
  }
  if (!["", "[]", "null"].includes(call.text("outputs"))) {
    throw new ApiError(501, "outputs of a build need BuildKit: use gantry build --output", "unimplemented");
  }
  const isolation = call.text("isolation");
  if (!["", "default"].includes(isolation)) {
    throw new EngineError("invalid-argument", `invalid isolation ${JSON.stringify(isolation)}: Linux has only default`);
  }
  if (call.query.getAll("securityopt").some((option) => option !== "")) {
    throw new ApiError(
      501,
      "builds take no security options: RUN has the engine's own seccomp profile",
      "unimplemented",
    );
  }
}

function resourcesOf(call: ApiCall): Resources {
  return {
    ...unlimited,
    memory: orNull(call.integer("memory")),
    memorySwap: orNull(call.integer("memswap")),
    cpuShares: orNull(call.integer("cpushares")),
    cpuPeriod: orNull(call.integer("cpuperiod")),
    cpuQuota: orNull(call.integer("cpuquota")),
    cpusetCpus: call.text("cpusetcpus") || null,
    cpusetMems: call.text("cpusetmems") || null,
  };
}

function orNull(value: number | null): number | null {
  return value || null;
}

/** `name:address`; the address may hold colons. */
function parseHost(host: string): { name: string; address: string } {
  const [, name = "", address = ""] = /^([^:=]+)[:=](.+)$/.exec(host) ?? [];
  if (name !== "") return { name, address: address.replace(/^\[(.*)\]$/, "$1") };
  throw new EngineError("invalid-argument", `bad format for add-host: ${JSON.stringify(host.slice(0, 200))}`);
}

function pairsOf(call: ApiCall, name: string): Record<string, string> {
  const given = Object.entries(jsonOf(call, name, pairs, {}));
  return Object.fromEntries(given.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

function jsonOf<S extends z.ZodMiniType>(call: ApiCall, name: string, schema: S, none: z.output<S>): z.output<S> {
  const given = call.text(name);
  if (given === "" || given === "null") return none;
  const parsed = schema.safeParse(findJson(given));
  if (parsed.success) return parsed.data;
  throw new EngineError("invalid-argument", `error reading ${name}: it is no such JSON`);
}

/** The header `X-Registry-Config`: AuthConfigs by registry, as JSON in base64. What cannot be read is left out, as docker does. */
function registryConfigOf(call: ApiCall): Record<string, Credentials> {
  const header = call.request.headers["x-registry-config"];
  if (typeof header !== "string" || header.length > longestHeader) return {};
  const accounts = findJson(Buffer.from(header, "base64url").toString());
  const known: Record<string, Credentials> = {};
  for (const [server, account] of Object.entries(typeof accounts === "object" && accounts !== null ? accounts : {})) {
    const credentials = toCredentials(account);
    if (credentials !== null) known[registryOf(server)] = credentials;
  }
  return known;
}

/** docker's own key for its hub stays; of others only the host counts. */
function registryOf(server: string): string {
  return server === "https://index.docker.io/v1/" ? server : server.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
}
