import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { release } from "node:os";
import { dirname, join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { messageOf } from "../errors.ts";
import { hasAppArmor } from "../host/apparmor.ts";
import { type Capability, capabilityNames, readOwnCapabilities } from "../host/capabilities.ts";
import { type Cgroups, openCgroups } from "../host/cgroups.ts";
import { whyNoIDMapping } from "../host/idmapped-mounts.ts";
import { mountOverlay, unmount } from "../host/mounts.ts";
import { findProgram } from "../host/programs.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";

const namespaces = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"];

/** Without these nothing works; what the others mean where they are missing. */
const essential: readonly Capability[] = [
  "CAP_SYS_ADMIN",
  "CAP_NET_ADMIN",
  "CAP_MKNOD",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_CHOWN",
];
const meanings: Partial<Record<Capability, string>> = {
  CAP_SYS_RESOURCE: "no rlimit can be raised above the host's, --oom-score-adj cannot go below the engine's own",
  CAP_SYS_PTRACE: "processes of containers cannot be looked into",
  CAP_SETFCAP: "file capabilities of images are lost",
  CAP_SYS_MODULE: "kernel modules cannot be loaded, not even with --privileged",
};

/** statfs(2) f_type of file systems that carry an overlay's upper directory well, or are known not to. */
const fileSystems = new Map<number, string>([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlay"],
  [0x6969, "nfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
]);
const gibibyte = 1024 ** 3;

export function checkRoot(): Finding {
  if (process.getuid?.() === 0) return ok("root", "running as root");
  return failed(
    "root",
    `running as user ${process.getuid?.()}`,
    "run as root, or with sudo: the engine makes namespaces and mounts",
  );
}

export function checkKernel(): Finding {
  const version = release();
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const missing = namespaces.filter((name) => !existsSync(`/proc/self/ns/${name}`));
  if (missing.length > 0) {
    return failed(
      "kernel",
      `${version}: namespaces missing: ${missing.join(", ")}`,
      "use a kernel built with CONFIG_NAMESPACES",
    );
  }
  if (major * 1000 + minor < 5004) {
    return warning("kernel", `${version} is older than any that is tested`, "Linux 5.10 or later is recommended");
  }
  return ok("kernel", `Linux ${version}, all namespaces`);
}

export async function checkSeccomp(): Promise<Finding> {
  const actions = await readFile("/proc/sys/kernel/seccomp/actions_avail", "utf8").catch(() => "");
  if (actions.includes("errno")) return ok("seccomp", "system call filters work");
  return failed(
    "seccomp",
    "the kernel has no system call filters",
    "run containers with --security-opt seccomp=unconfined, or use a kernel with CONFIG_SECCOMP_FILTER",
  );
}

export function checkCapabilities(held = readOwnCapabilities()): Finding {
  const missing = capabilityNames.filter((name) => !held.includes(name));
  if (missing.length === 0) return ok("capabilities", "all");
  const fatal = missing.filter((name) => essential.includes(name));
  if (fatal.length > 0) {
    return failed(
      "capabilities",
      `missing: ${fatal.join(", ")}`,
      "the engine itself runs in something that took them away: give them back",
    );
  }
  const told = missing.map((name) => (meanings[name] === undefined ? name : `${name} (${meanings[name]})`));
  return warning("capabilities", `missing: ${told.join("; ")}`, "containers get what there is; everything else works");
}

export function checkCgroups(): { finding: Finding; cgroups: Cgroups | null } {
  let cgroups: Cgroups;
  try {
    cgroups = openCgroups();
  } catch (error) {
    return { finding: failed("cgroups", messageOf(error), "mount -t cgroup2 none /sys/fs/cgroup"), cgroups: null };
  }
  const facts = cgroups.facts();
  const bad = facts.filter(({ status }) => status !== "ready");
  const ready = facts.filter(({ status }) => status === "ready").map(({ controller }) => controller);
  if (bad.length === 0) return { finding: ok("cgroups", `${cgroups.mode}: ${ready.join(", ")}`), cgroups };
  const told = bad.map(
    (fact) =>
      `${fact.controller} ${fact.status === "not-mounted" ? "is not mounted" : "is not in the kernel"}: ${fact.consequence}`,
  );
  const hint =
    "enable them on the kernel's command line (cgroup_enable=memory, systemd.unified_cgroup_hierarchy=1) or mount them";
  return { finding: warning("cgroups", `${cgroups.mode}: ${told.join("; ")}`, hint), cgroups };
}

/** What `--userns auto` needs, and what confines containers beside it. */
export function checkIsolation(): Finding[] {
  const most = existsSync("/proc/sys/user/max_user_namespaces")
    ? Number(readFileSync("/proc/sys/user/max_user_namespaces", "latin1"))
    : 0;
  const reason = whyNoIDMapping() ?? (most > 0 ? null : "user.max_user_namespaces is 0");
  const users =
    reason === null
      ? ok("userns", "containers can have user ids of their own")
      : warning("userns", `--userns auto does not work: ${reason}`, "everything else does");
  if (!hasAppArmor()) return [users, ok("apparmor", "not in this kernel: containers are confined without it")];
  if (findProgram("apparmor_parser") !== null)
    return [users, ok("apparmor", "containers get a profile of the engine's")];
  return [users, warning("apparmor", "apparmor_parser not found: no container can start confined", "install apparmor")];
}

/** Mounts an overlay beside the root directory's place and takes it away again. */
export async function checkOverlay(config: EngineConfig): Promise<Finding> {
  const place = existingParent(config.root);
  let trial: string | null = null;
  try {
    trial = await mkdtemp(join(place, ".gantry-doctor-"));
    const path = (name: string) => join(trial ?? place, name);
    for (const name of ["lower", "upper", "work", "merged"]) await mkdir(path(name));
    mountOverlay({ lower: [path("lower")], upper: path("upper"), work: path("work") }, path("merged"));
    await unmount(path("merged"));
    return ok("overlay", `mounts on ${place}`);
  } catch (error) {
    return failed("overlay", messageOf(error), "put --root on ext4, xfs or btrfs, on a kernel with overlayfs");
  } finally {
    if (trial !== null) await removeTrial(trial);
  }
}

async function removeTrial(trial: string): Promise<void> {
  await unmount(join(trial, "merged"));
  await rm(trial, { recursive: true, force: true });
}

export async function checkDisk(config: EngineConfig): Promise<Finding> {
  const place = existingParent(config.root);
  const { bavail, bsize, blocks, type } = await statfs(place);
  const [free, total] = [bavail * bsize, blocks * bsize];
  const name = fileSystems.get(type) ?? `file system 0x${type.toString(16)}`;
  const detail = `${(free / gibibyte).toFixed(1)} of ${(total / gibibyte).toFixed(1)} GiB free under ${config.root} (${name})`;
  if (free < 0.1 * gibibyte) return failed("disk", detail, "free some space: images cannot be unpacked");
  if (free < 2 * gibibyte)
    return warning("disk", detail, "remove images that are not needed: gantry images, gantry rmi");
  if (name === "tmpfs") return warning("disk", `${detail}: gone at reboot`, "put --root on a disk");
  return ok("disk", detail);
}

function existingParent(path: string): string {
  return existsSync(path) || path === "/" ? path : existingParent(dirname(path));
}
