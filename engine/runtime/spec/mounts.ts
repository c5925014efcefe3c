import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { CreateRequest, MountRequest } from "../../protocol/create-request.ts";
import { initPath } from "./command.ts";
import type { NamespaceModes } from "./namespaces.ts";
import type { SpecInput } from "./types.ts";

/** A mount of the OCI runtime spec, config.md, "Mounts". */
export type SpecMount = {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
};

const defaultShmSize = 64 * 1024 * 1024;
const propagations = new Set(["private", "rprivate", "shared", "rshared", "slave", "rslave"]);
const tmpfsFlags = new Set(
  [
    "ro rw nosuid suid nodev dev noexec exec sync async dirsync remount mand nomand atime noatime diratime",
    "nodiratime relatime norelatime strictatime nostrictatime",
  ]
    .join(" ")
    .split(" "),
);
const tmpfsValues = /^(size|nr_blocks|nr_inodes|mode|uid|gid|mpol|huge)=[^,\0]{1,64}$/;

/**
 * All mounts of a container in the order they are to be made: shallow before deep. A mount of the user's replaces a default one at
 * the same place. Fails with `invalid-argument` for a target twice, a relative path or an unknown option.
 */
export function buildMounts(input: SpecInput, modes: NamespaceModes): SpecMount[] {
  const wanted = input.request.mounts.map((mount) => userMount(mount, input.host.kernel));
  const targets = new Set<string>();
  for (const mount of wanted) {
    if (targets.has(mount.destination)) throw invalid(`mount target ${mount.destination} is used twice`);
    targets.add(mount.destination);
  }
  const isReplaced = (mount: SpecMount) =>
    targets.has(mount.destination) || (targets.has("/dev") && mount.destination.startsWith("/dev/"));
  const system = systemMounts(input, modes).filter((mount) => !isReplaced(mount));
  const provided = providedFiles(input).filter((mount) => !targets.has(mount.destination));
  const own = [...provided, ...wanted].sort((a, b) => depthOf(a) - depthOf(b));
  return [...system, ...own];
}

/** What the root file system's own propagation has to be so that these mounts work. */
export function rootfsPropagation(mounts: readonly MountRequest[]): string | null {
  const asked = mounts.map((mount) => mount.propagation ?? "");
  if (asked.some((value) => value.endsWith("shared"))) return "rshared";
  return asked.some((value) => value.endsWith("slave")) ? "rslave" : null;
}

function systemMounts(input: SpecInput, modes: NamespaceModes): SpecMount[] {
  const access = input.request.privileged ? "rw" : "ro";
  return [
    mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
    mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", [access, "nosuid", "noexec", "nodev", "relatime"]),
    mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ...sharedMemory(input, modes),
  ];
}

/** Options of a /dev/shm of a container's own, as mount(2) takes them after the flags nosuid, noexec and nodev. */
export function shmOptions(request: Pick<CreateRequest, "shmSize">): string {
  return `mode=1777,size=${request.shmSize ?? defaultShmSize}`;
}

/** What others shall see, or is another's, lies on the host; docker's `none` has no /dev/shm at all. */
function sharedMemory({ request, joined }: SpecInput, { ipc }: NamespaceModes): SpecMount[] {
  if (ipc.kind === "none") return [];
  const source = ipc.kind === "host" ? "/dev/shm" : joined?.shm;
  if (source !== undefined)
    return [mount("/dev/shm", "bind", source, ["rbind", "rprivate", "nosuid", "noexec", "nodev"])];
  return [mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", ...shmOptions(request).split(",")])];
}

function providedFiles({ files, request, initProgram }: SpecInput): SpecMount[] {
  const access = request.readOnlyRootfs ? "ro" : "rw";
  const file = (destination: string, source: string | null, options: string[]) =>
    source === null ? [] : [mount(destination, "bind", source, options)];
  return [
    ...file("/etc/resolv.conf", files.resolvConf, ["bind", "rprivate", access]),
    ...file("/etc/hostname", files.hostname, ["bind", "rprivate", access]),
    ...file("/etc/hosts", files.hosts, ["bind", "rprivate", access]),
    ...(request.init ? file(initPath, initProgram, ["bind", "rprivate", "ro"]) : []),
  ];
}

function userMount(request: MountRequest, kernel: string): SpecMount {
  const destination = posix.normalize(request.target).replace(/(?<=.)\/$/, "");
  if (!destination.startsWith("/") || destination === "/" || destination.includes("\0")) {
    throw invalid(`mount target ${JSON.stringify(request.target)} is not an absolute path below /`);
  }
  if (request.type === "tmpfs") return mount(destination, "tmpfs", "tmpfs", tmpfsOptions(request));
  if (!request.source.startsWith("/") || request.source.includes("\0")) {
    throw invalid(`bind source ${JSON.stringify(request.source)} is not an absolute path`);
  }
  const propagation = request.propagation || "rprivate";
  if (!propagations.has(propagation)) throw invalid(`mount propagation ${JSON.stringify(propagation)} is not known`);
  return mount(destination, "bind", request.source, [
    request.nonRecursive === true ? "bind" : "rbind",
    propagation,
    ...accessOf(request, kernel),
  ]);
}

/** `rro` (runc 1.1, crun 1.4) makes what is mounted below the source read-only, too, by mount_setattr(2) of Linux 5.12. */
function accessOf({ readOnly, recursiveReadOnly, nonRecursive, target }: MountRequest, kernel: string): string[] {
  if (!readOnly) return ["rw"];
  const [major = 0, minor = 0] = kernel.split(".").map(Number);
  const canBeDeep = major > 5 || (major === 5 && minor >= 12);
  if (recursiveReadOnly === "always" && !canBeDeep) {
    throw invalid(`what is mounted below the source of ${target} cannot be made read-only: that takes Linux 5.12`);
  }
  const isDeep = canBeDeep && recursiveReadOnly !== "never" && nonRecursive !== true;
  return isDeep ? ["ro", "rro"] : ["ro"];
}

function tmpfsOptions(request: MountRequest): string[] {
  const asked = request.options.flatMap((option) => option.split(",")).filter((option) => option !== "");
  const unknown = asked.find((option) => !tmpfsFlags.has(option) && !tmpfsValues.test(option));
  if (unknown !== undefined) throw invalid(`tmpfs option ${JSON.stringify(unknown)} is not known`);
  const opposite = (option: string) => (option.startsWith("no") ? option.slice(2) : `no${option}`);
  const defaults = ["noexec", "nosuid", "nodev"].filter((option) => !asked.includes(opposite(option)));
  return [...new Set([...defaults, ...asked, ...(request.readOnly ? ["ro"] : [])])];
}

function depthOf(entry: SpecMount): number {
  return entry.destination.split("/").length;
}

function mount(destination: string, type: string, source: string, options: readonly string[]): SpecMount {
  return { destination, type, source, options };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
