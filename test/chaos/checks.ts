import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { listMounts } from "../../engine/host/mountinfo.ts";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import { findOrphans } from "../support/fault-traces.ts";
import type { ChaosClient } from "./client.ts";
import { type ChaosHost, processes } from "./host.ts";
import type { Mark, Slot } from "./model.ts";
import type { Thing } from "./things.ts";
import { isLasting, smallLogSize } from "./wishes.ts";

/** Looks once at everything; gives what is not as it was promised. Nothing is listed twice: the caller tries again for what takes time. */
export async function look(host: ChaosHost, client: EngineClient, clients: readonly ChaosClient[]): Promise<string[]> {
  const listed = await client.request("containers.list", { all: true });
  const slots = clients.flatMap((one) => one.slots);
  const paired = new Map(slots.map((slot) => [slot, findOf(slot, listed)] as const));
  // It goes on without its supervisor.
  const bereaved = slots.flatMap(({ id, isUnsupervised }) => (isUnsupervised ? [`${id} runs without conmon`] : []));
  const known = new Set([...paired.values()].map((found) => found?.id));
  return [
    ...[...paired].flatMap(([slot, found]) => slot.differs(found) ?? []),
    ...listed
      .filter(({ id }) => !known.has(id))
      .map(({ name, status }) => `nobody asked for ${name}, and it is ${status}`),
    ...[...paired].flatMap(([slot, found]) => healthDiffers(slot, found) ?? []),
    ...[...paired].flatMap(([slot, found]) => logDiffers(host, slot, found) ?? []),
    ...runtimeDiffers(host, listed),
    ...limitsDiffer(host, listed),
    ...hostNetworkMissing(host),
    ...findOrphans(host.config, listed, host.pid).filter((text) => !bereaved.includes(text)),
    ...[...paired].flatMap(([slot, found]) => marksMissing(host, slot, found)),
    ...(await portsDiffer(listed)),
    ...(await thingsDiffer(host, client, clients)),
  ];
}

/** Whatever others did to it, the engine brings it back. */
function hostNetworkMissing({ config }: ChaosHost): string[] {
  const { bridge, table } = config.names;
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" });
  return [
    ...(existsSync(`/sys/class/net/${bridge}`) ? [] : [`there is no bridge ${bridge}`]),
    ...(tables.includes(` ${table}`) ? [] : [`there is no nft table ${table}`]),
  ];
}

/** Its id tells; the name where the answer with the id was lost. */
export function findOf(slot: Slot, listed: readonly ContainerSummary[]): ContainerSummary | undefined {
  if (slot.id !== null) return listed.find(({ id }) => id === slot.id);
  return listed.find(({ name }) => slot.names.includes(name));
}

type RuntimeState = { readonly id: string; readonly status: string; readonly pid: number };

/** The runtime's own records, the kernel's, and the engine's. */
function runtimeDiffers({ config }: ChaosHost, listed: readonly ContainerSummary[]): string[] {
  const root = join(config.run, "runtime", "runc");
  const {
    status: exitCode,
    stdout,
    stderr,
  } = spawnSync("runc", ["--root", root, "list", "--format", "json"], {
    encoding: "utf8",
  });
  // One of them went while it looked.
  if (exitCode !== 0) return [`runc does not list: ${stderr}`];
  const states = new Map(((JSON.parse(stdout) ?? []) as RuntimeState[]).map((state) => [state.id, state]));
  const wrong = [...states.keys()]
    .filter((id) => !listed.some((container) => container.id === id))
    .map((id) => `runc knows ${id}, the engine does not`);
  for (const { id, name, status, pid } of listed) {
    const state = states.get(id);
    const isAlive = status === "running" || status === "paused";
    if (isAlive !== (state !== undefined) || (isAlive && (state?.status !== status || state.pid !== pid))) {
      wrong.push(`${name} is ${status} (${pid}), by runc ${state?.status ?? "nothing"} (${state?.pid ?? "-"})`);
    }
    if (isAlive && !isIn(pid, id)) wrong.push(`${name} has the pid ${pid}, which is not in its cgroup`);
  }
  return wrong;
}

function isIn(pid: number | null, id: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(id);
  } catch {
    return false;
  }
}

/** The kernel's limit of memory is the one on record, on v1 and on v2. */
function limitsDiffer({ config }: ChaosHost, listed: readonly ContainerSummary[]): string[] {
  return listed.flatMap(({ id, name, status, resources }) => {
    if ((status !== "running" && status !== "paused") || resources.memory === null) return [];
    const files = [
      `/sys/fs/cgroup/memory/${config.names.cgroupParent}/${id}/memory.limit_in_bytes`,
      `/sys/fs/cgroup/${config.names.cgroupParent}/${id}/memory.max`,
    ];
    const file = files.find((path) => existsSync(path));
    const limit = file === undefined ? "no file" : readFileSync(file, "utf8").trim();
    return limit === String(resources.memory) ? [] : [`${name} is limited to ${limit}, on record ${resources.memory}`];
  });
}

/** Whatever was done to its checks, the next ones find it well. */
function healthDiffers({ wish }: Slot, found: ContainerSummary | undefined): string | null {
  if (found?.status !== "running" || !isLasting(wish)) return null;
  const wanted = wish.health ? "healthy" : "none";
  return found.health === wanted ? null : `the health of ${found.name} is ${found.health}, should be ${wanted}`;
}

/** A log keeps to its limits, with what is written until the next look. */
function logDiffers({ config }: ChaosHost, { wish }: Slot, found: ContainerSummary | undefined): string | null {
  if (found === undefined || !wish.smallLog) return null;
  const directory = join(config.root, "containers", found.id);
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.startsWith("container.log")) : [];
  const sizes = names.map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  return size <= smallLogSize * 4 ? null : `the log of ${found.name} has ${size} bytes in ${names.join(" ")}`;
}

/** What finished commands wrote is there, with its content. */
function marksMissing({ config }: ChaosHost, slot: Slot, found: ContainerSummary | undefined): string[] {
  if (found === undefined) return [];
  return lostMarks(join(config.root, "containers", found.id, "upper"), slot.marks);
}

/** Each published port is answered by the container it belongs to. */
async function portsDiffer(listed: readonly ContainerSummary[]): Promise<string[]> {
  const answers = listed.flatMap(({ id, name, status, ports }) =>
    status !== "running" ? [] : ports.map((port) => asks(name, id, port.hostPort)),
  );
  return (await Promise.all(answers)).filter((finding) => finding !== null);
}

async function asks(name: string, id: string, port: number): Promise<string | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/hostname`, { signal: AbortSignal.timeout(2000) })
    .then((response) => response.text())
    .catch((error) => String(error.cause ?? error));
  return answer.trim() === id.slice(0, 12) ? null : `port ${port} of ${name} answers ${answer.trim().slice(0, 80)}`;
}

/** Names of all tags, volumes and networks there are. */
async function thereOf(client: EngineClient): Promise<(thing: Thing) => boolean> {
  const [images, volumes, networks] = await Promise.all([
    client.request("images.list", {}),
    client.request("volumes.list", {}),
    client.request("networks.list", {}),
  ]);
  const tags = images.flatMap(({ references }) => references.map((name) => name.replace(/^docker.io\//, "")));
  const names = {
    tag: new Set(tags.map((name) => name.replace(/:latest$/, ""))),
    volume: new Set(volumes.map(({ name }) => name)),
    network: new Set(networks.map(({ name }) => name)),
  };
  return ({ kind, name }) => names[kind].has(name);
}

async function thingsDiffer(
  { config }: ChaosHost,
  client: EngineClient,
  clients: readonly ChaosClient[],
): Promise<string[]> {
  const isThere = await thereOf(client);
  const things = clients.flatMap((one) => one.things);
  const bridges = (await client.request("networks.list", {})).flatMap(({ interfaceName }) => interfaceName ?? []);
  return [
    ...things
      .filter((thing) => !thing.there.has(isThere(thing)))
      .map((thing) => `${thing.kind} ${thing.name} is ${isThere(thing) ? "there" : "not there"}`),
    ...bridges.filter((name) => !existsSync(`/sys/class/net/${name}`)).map((name) => `there is no bridge ${name}`),
    ...things
      .filter(isThere)
      .flatMap(({ name, marks }) => lostMarks(join(config.root, "volumes", name, "_data"), marks)),
  ];
}

function lostMarks(directory: string, marks: readonly Mark[]): string[] {
  return marks.flatMap(({ file, text }) => {
    const path = join(directory, file);
    const content = existsSync(path) ? readFileSync(path, "utf8") : null;
    return content === text ? [] : [`${path} should hold ${text}, and holds ${content}`];
  });
}

/** From now on they are as they were seen. */
export async function adoptThings(client: EngineClient, clients: readonly ChaosClient[]): Promise<void> {
  const isThere = await thereOf(client);
  for (const thing of clients.flatMap((one) => one.things)) {
    if (isThere(thing)) thing.there = new Set([true]);
    else thing.forget();
  }
}

/** Everything in these namespaces and directories, but for what grows by design; to be compared with another moment. */
export function inventory({ config, pid }: ChaosHost): string[] {
  const spares = (name: string) => name.startsWith(config.names.vethPrefix) || /^(lo|tunl0|sit0|ip6tnl0)$/.test(name);
  const links = readdirSync("/sys/class/net").filter((name) => !spares(name));
  const mounts = listMounts()
    .map(({ target }) => target)
    .filter((target) => target.startsWith(config.root) || target.startsWith(config.run))
    .filter((target) => !target.startsWith(join(config.run, "netns")));
  const running = processes().filter(({ pid: one, argv }) => one !== pid && argv[0] !== "" && !isResolver(argv));
  return [
    ...links.map((name) => `link ${name}`),
    ...mounts.map((target) => `mount ${target}`),
    ...running.map(({ argv }) => `process ${argv.slice(0, 6).join(" ")}`),
    ...rules().map((line) => `rule ${line}`),
    ...filesBelow(config.root, 2).map((path) => `file ${path}`),
    ...filesBelow(config.run, 2).map((path) => `file ${path}`),
  ].sort();
}

/** It ends a minute after the last container that it answers. */
function isResolver(argv: readonly string[]): boolean {
  return argv.some((word) => word.includes("resolver-worker"));
}

/** Without counters, handles and what is in stock. */
function rules(): string[] {
  const text = execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" });
  return text.split("\n").map((line) => line.replace(/packets \d+ bytes \d+/, "").trim());
}

const growing =
  /\/((engine|events)\.log(\.\d+)?|gantry\.db(-wal|-shm|\.reserve)?|filler|lost\+found|netns\/.*|cache\/.*|(engine|resolver)\.pid|(gantry|resolver)\.sock|volume-parts|exec|runtime(\/runc)?)$/;

function filesBelow(directory: string, depth: number): string[] {
  if (depth === 0 || !existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (growing.test(path)) return [];
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    return [path, ...(isDirectory ? filesBelow(path, depth - 1) : [])];
  });
}
