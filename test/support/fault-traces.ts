import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineConfig } from "../../engine/config.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { chainIDsOf } from "../../engine/oci/chain-id.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import type { ContainerStatus } from "../../engine/protocol/containers.ts";
import { openDatabaseCopy } from "./database-copy.ts";

/**
 * One thing that an engine has on the host or in its directories. `owner` is the container it belongs to, or empty. `lives` tells that
 * it belongs to a container only while that runs.
 */
export type Trace = { readonly what: string; readonly owner: string; readonly lives: boolean };

/** The netns of a container, or the host's end of one of its links, by the end of its name. */
type Named = { readonly container: string; readonly token: string | null };

const containerID = /[0-9a-f]{64}/;
/** Ready network namespaces that the engine keeps in stock: four on the bridge, up to two without. */
const stock = 6;

/** Everything one engine has, without its stock of network namespaces and without its own directories and process. */
export function findTraces(config: EngineConfig, enginePid = 0): Trace[] {
  const database = rows(config);
  return [
    ...database.traces,
    ...networkTraces(config, database),
    ...contentTraces(config, database.content),
    ...mountTraces(config),
    ...cgroupTraces(config),
    ...fileTraces(config),
    ...processTraces(config, enginePid),
  ];
}

/** As lines, to compare two moments. */
export function listTraces(config: EngineConfig, enginePid = 0): string[] {
  return findTraces(config, enginePid)
    .map(({ what }) => what)
    .sort();
}

/** Traces that no container of the list accounts for, and what a running container should have and has not. */
export function findOrphans(
  config: EngineConfig,
  containers: readonly { readonly id: string; readonly status: ContainerStatus }[],
  enginePid = 0,
): string[] {
  const status = new Map(containers.map((container) => [container.id, container.status]));
  const traces = findTraces(config, enginePid);
  const isAlive = (id: string) => status.get(id) === "running" || status.get(id) === "paused";
  const orphans = traces.filter(({ owner, lives }) => owner !== "" && (lives ? !isAlive(owner) : !status.has(owner)));
  const missing = containers
    .filter(({ id }) => isAlive(id))
    .flatMap(({ id }) => {
      const own = traces.filter(({ owner }) => owner === id).map(({ what }) => what.split(" ")[0]);
      return ["mount", "conmon", "cgroup", "runtime", "sandbox"]
        .filter((kind) => !own.includes(kind))
        .map((kind) => `${id} runs without ${kind}`);
    });
  return [
    ...orphans.map(({ what }) => `orphan: ${what} (${status.get(containerID.exec(what)?.[0] ?? "") ?? "-"})`),
    ...missing,
  ];
}

type Rows = {
  readonly traces: Trace[];
  readonly sandboxes: Named[];
  readonly links: Named[];
  /** Digests in hex of the blobs and layers that images use. */
  readonly content: ReadonlySet<string>;
};

/** False for what is no database, or not one of this version. */
function isOurs(path: string): boolean {
  try {
    using copy = openDatabaseCopy(path);
    return copy.database.prepare("SELECT count(*) FROM sandboxes").get() !== undefined;
  } catch {
    return false;
  }
}

function rows(config: EngineConfig): Rows {
  const path = join(config.root, "gantry.db");
  if (!isOurs(path)) return { traces: [], sandboxes: [], links: [], content: new Set() };
  const copy = openDatabaseCopy(path);
  const { database } = copy;
  try {
    const all = (query: string) => database.prepare(query).all() as Record<string, string>[];
    const named = (query: string): Named[] =>
      all(query).map(({ id = "", token = null }) => ({ container: id, token: token as string | null }));
    const sandboxes = named("SELECT container_id AS id, token FROM sandboxes");
    const links = named("SELECT container_id AS id, json_extract(detail, '$.link') AS token FROM network_endpoints");
    const digests = all(
      `SELECT id AS digest FROM images UNION SELECT manifest_digest FROM images
       UNION SELECT diff_id FROM image_layers UNION SELECT blob_digest FROM image_layers`,
    );
    const layers = all("SELECT image_id, diff_id FROM image_layers ORDER BY image_id, position");
    const chains = [...Map.groupBy(layers, ({ image_id }) => image_id).values()];
    // A layer without an entry for a parent directory lies under its chainID.
    const chainIDs = chains.flatMap((chain) => chainIDsOf(chain.map(({ diff_id }) => diff_id as DiffID)));
    const used = [...digests.map(({ digest }) => digest ?? ""), ...chainIDs];
    return {
      sandboxes,
      links,
      content: new Set(used.map((digest) => digest.replace("sha256:", ""))),
      traces: [
        ...all("SELECT id FROM containers").map(({ id = "" }) => ({
          what: `row container ${id}`,
          owner: id,
          lives: false,
        })),
        ...sandboxes.map(({ container }) => ({ what: `sandbox ${container}`, owner: container, lives: true })),
        ...all("SELECT container_id AS id, protocol || host_port AS port FROM published_ports").map(
          ({ id = "", port }) => ({
            what: `port ${port} ${id}`,
            owner: id,
            lives: true,
          }),
        ),
        ...all("SELECT id FROM images").map(({ id }) => ({ what: `row image ${id}`, owner: "", lives: false })),
        ...all("SELECT reference FROM image_references").map(({ reference }) => ({
          what: `row reference ${reference}`,
          owner: "",
          lives: false,
        })),
      ],
    };
  } finally {
    copy[Symbol.dispose]();
  }
}

/** Of namespaces and links in stock only too many are told. */
function networkTraces(config: EngineConfig, { sandboxes, links }: Pick<Rows, "sandboxes" | "links">): Trace[] {
  const named = (kind: string, tokens: readonly string[], owned: readonly Named[]): Trace[] => {
    const ownerOf = new Map(owned.map(({ container, token }) => [token ?? "", container]));
    const spare = tokens.filter((token) => !ownerOf.has(token));
    const own = tokens.flatMap((token) => {
      const owner = ownerOf.get(token);
      return owner === undefined ? [] : [{ what: `${kind} ${owner}`, owner, lives: true }];
    });
    return spare.length > stock
      ? [...own, { what: `${spare.length} spare ${kind}`, owner: "nobody", lives: false }]
      : own;
  };
  const { vethPrefix, table } = config.names;
  const interfaces = readdirSync("/sys/class/net").filter((name) => name.startsWith(vethPrefix));
  const directory = join(config.run, "netns");
  const elements = spawnSync("nft", ["list", "table", "inet", table], { encoding: "utf8" }).stdout;
  const published = [...elements.matchAll(/(tcp|udp) \. [0-9. ]+ : [0-9.]+ \. \d+/g)].map(([text]) => text);
  return [
    ...named("netns", existsSync(directory) ? readdirSync(directory) : [], sandboxes),
    ...named(
      "link",
      interfaces.map((name) => name.slice(vethPrefix.length)),
      links,
    ),
    ...published.map((text) => ({ what: `nft ${text}`, owner: "", lives: true })),
  ];
}

/** Of blobs and unpacked layers only those that no image uses. */
function contentTraces({ root }: EngineConfig, used: ReadonlySet<string>): Trace[] {
  return ["layers", "blobs/sha256"].flatMap((directory) =>
    namesIn(join(root, directory))
      .filter((name) => !used.has(name))
      .map((name) => ({ what: `unused ${directory} ${name}`, owner: "nobody", lives: false })),
  );
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function mountTraces({ root, run }: EngineConfig): Trace[] {
  const netns = join(run, "netns");
  return listMounts()
    .map(({ target }) => target)
    .filter((target) => (target.startsWith(`${root}/`) || target.startsWith(`${run}/`)) && !target.startsWith(netns))
    .map((target) => owned(`mount ${target}`, true));
}

function cgroupTraces({ names }: EngineConfig): Trace[] {
  return globSync(`/sys/fs/cgroup/{,*/}${names.cgroupParent}/*/`)
    .filter((path) => containerID.test(path))
    .map((path) => owned(`cgroup ${path}`, true));
}

function fileTraces({ root, run }: EngineConfig): Trace[] {
  const list = (directory: string) => namesIn(directory).map((name) => join(directory, name));
  const of = (kind: string, directory: string, lives: boolean) =>
    list(directory).map((path) => owned(`${kind} ${path}`, lives));
  return [
    ...of("files", join(root, "containers"), false).filter(({ what }) => !what.endsWith("/.empty")),
    ...list(join(root, "blobs/ingest")).map((path) => ({ what: `ingest ${path}`, owner: "", lives: false })),
    ...of("supervisor", join(run, "supervisors"), true),
    ...of("exit", join(run, "exits"), true),
    ...of("exec", join(run, "exec"), true),
    ...list(join(run, "runtime")).flatMap((path) => of("runtime", path, true)),
  ];
}

/** Whatever names one of our directories on its command line: conmon, runc, helpers. */
function processTraces({ root, run }: EngineConfig, enginePid: number): Trace[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== enginePid && Number(name) !== process.pid)
    .flatMap((pid) => {
      const argv = commandOf(pid);
      if (!argv.some((arg) => arg.startsWith(root) || arg.startsWith(run))) return [];
      const isConmon = argv[0]?.endsWith("conmon") === true && !argv.includes("--exec-attach");
      const owner = containerID.exec(argv.join(" "))?.[0] ?? "";
      return [{ what: `${isConmon ? "conmon" : "process"} ${argv.slice(0, 8).join(" ")}`, owner, lives: true }];
    });
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function owned(what: string, lives: boolean): Trace {
  return {
    what,
    owner: containerID.exec(what.split("/").findLast((part) => containerID.test(part)) ?? "")?.[0] ?? "",
    lives,
  };
}
