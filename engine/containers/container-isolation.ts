import { closeSync, lstatSync, openSync } from "node:fs";
import { chown, mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError } from "../errors.ts";
import { chooseProfile, ensureProfile, hasAppArmor, isProfileLoaded } from "../host/apparmor.ts";
import { cgroupOf } from "../host/cgroups.ts";
import { chooseRange, type IDRange, readPools } from "../host/id-ranges.ts";
import { whyNoIDMapping } from "../host/idmapped-mounts.ts";
import { isMounted, unmount } from "../host/mounts.ts";
import { findProgram } from "../host/programs.ts";
import { mount, mountFlags } from "../host/syscalls.ts";
import { openContainerNamespaces } from "../host/user-namespaces.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import { runtimeNames } from "../runtime/runtime-program.ts";
import { cgroupParentPath } from "../runtime/spec/cgroup-parent.ts";
import { shmOptions } from "../runtime/spec/mounts.ts";
import { type Joined, type NamespaceMode, parseModes } from "../runtime/spec/namespaces.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

/** What a start needs of namespaces beyond new ones. To be disposed of once the process is made: it is in them by then. */
export type OpenNamespaces = {
  readonly joined: Joined;
  /** A netns that belongs to the container's own user namespace; null: any will do. */
  readonly netnsPath: string | null;
} & Disposable;

/** Refuses at creation what no start could give. Fails with `invalid-argument`, `failed-precondition`, `not-found`. */
export function checkIsolation(parts: ContainerParts, request: CreateRequest): void {
  const modes = parseModes(request);
  for (const mode of [modes.ipc, modes.pid]) if (mode.kind === "container") parts.table.get(mode.container);
  if (modes.ids !== null) checkMapping(parts);
  cgroupParentOf(parts, request);
  profileOf(parts, request);
  checkRuntime(request.runtime);
}

function checkRuntime(name: string): void {
  if (name === "") return;
  if (!runtimeNames.some((known) => known === name)) {
    throw new EngineError("invalid-argument", `unknown or invalid runtime name: ${name}`, {
      hint: `one of ${runtimeNames.join(", ")}`,
      exitCode: 125,
    });
  }
  if (findProgram(name) !== null) return;
  throw new EngineError("failed-precondition", `runtime ${name} is not installed on this host`, {
    hint: `install the package ${name}`,
    exitCode: 125,
  });
}

/** Its own range of the host's ids, unlike any other container's, or null where it asked for none. */
export function chooseIDs(parts: ContainerParts, request: CreateRequest): IDRange | null {
  const { ids: size } = parseModes(request);
  if (size === null) return null;
  // Engines beside each other do not know each other's: they begin at different places.
  const { instance } = parts.config;
  const offset = instance === "" ? 0 : Number.parseInt(instance, 16) / 2 ** 32;
  return chooseRange(parts.layers.allIDs(), { size, pools: readPools(), offset });
}

/** Null for most: they have nothing but new namespaces. Fails with `failed-precondition` where one to be joined is not there. */
export async function openNamespaces(parts: ContainerParts, record: ContainerRecord): Promise<OpenNamespaces | null> {
  const modes = parseModes(record.request);
  const isPlain = modes.ipc.kind === "own" && modes.pid.kind === "own" && modes.ids === null;
  if (isPlain) return null;
  using opening = new DisposableStack();
  const ipc = joinFile(parts, modes.ipc, "ipc");
  const pid = joinFile(parts, modes.pid, "pid");
  for (const fd of [ipc, pid]) if (fd !== null) opening.defer(() => closeSync(fd));
  const shm = await shmOf(parts, record, modes.ipc);
  const ids = modes.ids === null ? null : parts.layers.idsOf(record.id);
  const user = ids === null ? null : opening.use(await openContainerNamespaces(ids));
  const open = opening.move();
  return {
    joined: {
      ...(ipc === null ? {} : { ipc: pathOfDescriptor(ipc) }),
      ...(pid === null ? {} : { pid: pathOfDescriptor(pid) }),
      ...(shm === null ? {} : { shm }),
      ...(user === null || ids === null ? {} : { user: { path: user.userPath, ids } }),
    },
    netnsPath: user?.netnsPath ?? null,
    [Symbol.dispose]: () => open.dispose(),
  };
}

/** Its root may open its standard streams by name (`/dev/stdout`) as it may anywhere; they are pipes that the host's root has made. */
export async function giveStreams({ layers }: Pick<ContainerParts, "layers">, id: string, pid: number): Promise<void> {
  const ids = layers.idsOf(id);
  if (ids === null) return;
  // No pipe of a container without stdin.
  await Promise.all([0, 1, 2].map((fd) => chown(`/proc/${pid}/fd/${fd}`, ids.start, ids.start).catch(() => {})));
}

/** Where cgroups of containers with this wish lie, without a slash at the end. */
export function cgroupParentOf(parts: Pick<ContainerParts, "config">, request: CreateRequest): string {
  return cgroupParentPath(parts.config, request.cgroupParent);
}

/** The AppArmor profile, loaded if it is the engine's own; null where the kernel has no AppArmor. */
export async function prepareProfile(parts: ContainerParts, request: CreateRequest): Promise<string | null> {
  const profile = profileOf(parts, request);
  if (profile !== null && profile === parts.config.names.apparmorProfile) await ensureProfile(profile);
  return profile;
}

/** The one it has, or would have; docker shows nothing where there is no AppArmor. */
export function shownProfile(parts: Pick<ContainerParts, "config">, request: CreateRequest): string {
  if (request.apparmor !== "" || !hasAppArmor()) return request.apparmor;
  return profileOf(parts, request) ?? "";
}

function profileOf(parts: Pick<ContainerParts, "config">, request: CreateRequest): string | null {
  return chooseProfile(request, {
    available: hasAppArmor(),
    own: parts.config.names.apparmorProfile,
    isLoaded: isProfileLoaded,
  });
}

function checkMapping(parts: ContainerParts): void {
  const reason = whyNoIDMapping();
  if (reason !== null) {
    throw new EngineError("failed-precondition", `--userns auto cannot be had: ${reason}`, { exitCode: 125 });
  }
  // Its root has to get to its file system as anybody would.
  for (let path = join(parts.config.root, "containers"); path !== "/"; path = dirname(path)) {
    if ((lstatSync(path).mode & 0o001) !== 0) continue;
    throw new EngineError(
      "failed-precondition",
      `--userns auto cannot be had: directory ${path} lets nobody but its owner through`,
      { hint: `chmod o+x ${path}`, exitCode: 125 },
    );
  }
}

/** A descriptor of another container's namespace, which stays what it is whatever becomes of that container's process. */
function joinFile(parts: ContainerParts, mode: NamespaceMode, type: "ipc" | "pid"): number | null {
  if (mode.kind !== "container") return null;
  const { id, name, state } = parts.table.get(mode.container);
  if (isAlive(state.status) && state.pid !== null) {
    try {
      const fd = openSync(`/proc/${state.pid}/ns/${type}`, "r");
      // Only now: the pid may have been another's before.
      if ([...(cgroupOf(state.pid)?.values() ?? [])].some((path) => path.includes(id))) return fd;
      closeSync(fd);
    } catch {
      // It has ended just now.
    }
  }
  throw new EngineError("failed-precondition", `cannot join ${type} namespace of a non running container: ${name}`, {
    hint: `start it first with: gantry start ${name}`,
    exitCode: 125,
  });
}

/** How many containers may stand in a row, each with the ipc namespace of the next. */
const longestChain = 32;

/** What is mounted at /dev/shm: one on the host for others to share, or that of the other; null: none that others see. */
async function shmOf(parts: ContainerParts, record: ContainerRecord, mode: NamespaceMode): Promise<string | null> {
  if (mode.kind === "shareable") return mountShm(parts, record);
  let next = mode;
  let owner = record;
  for (let links = 0; next.kind === "container" && links < longestChain; links++) {
    owner = parts.table.get(next.container);
    next = parseModes(owner.request).ipc;
  }
  if (mode.kind !== "container") return null;
  if (next.kind === "host") return "/dev/shm";
  const path = shmPath(parts, owner.id);
  if (next.kind === "shareable" && isMounted(path)) return path;
  throw new EngineError("failed-precondition", `container ${owner.name} keeps its ipc namespace to itself`, {
    hint: "create it with --ipc shareable for others to join",
    exitCode: 125,
  });
}

async function mountShm(parts: ContainerParts, { id, request }: ContainerRecord): Promise<string> {
  const path = shmPath(parts, id);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await unmount(path);
  const owner = parts.layers.idsOf(id);
  const data = [shmOptions(request), ...(owner === null ? [] : [`uid=${owner.start}`, `gid=${owner.start}`])].join(",");
  mount("shm", bytePathOf(path), {
    type: "tmpfs",
    flags: mountFlags.noSuid | mountFlags.noDevices | mountFlags.noExec,
    data,
  });
  return path;
}

/** Takes away what a shareable ipc namespace has on the host; those that joined it keep it. A success if there is nothing. */
export async function releaseShm(parts: Pick<ContainerParts, "config">, id: string): Promise<void> {
  const path = shmPath(parts, id);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  await unmount(path);
  await rmdir(path).catch(() => {});
}

function shmPath({ config }: Pick<ContainerParts, "config">, id: string): string {
  return join(config.run, "shm", id);
}

function pathOfDescriptor(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}
