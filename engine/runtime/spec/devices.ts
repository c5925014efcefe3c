import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import type { CreateRequest, DeviceRequest } from "../../protocol/create-request.ts";
import type { ResolvedDevice } from "./types.ts";

/** Not devices of the host's hardware: mounts of their own, or made anew in each container. */
const skipped = new Set(["pts", "shm", "mqueue", "fd", "console", ".lxc", ".lxd-mounts", ".udev", "hugepages"]);
/** The runtime makes these itself. */
const standard = new Set(["null", "zero", "full", "random", "urandom", "tty", "ptmx"]);
const mostDevices = 4096;

/** Rules of the device cgroup that docker starts from: nothing, then these. 10:229 is fuse. */
const alwaysAllowed: readonly (readonly [number, number])[] = [
  [1, 5],
  [1, 3],
  [1, 9],
  [1, 8],
  [5, 0],
  [5, 1],
];

/**
 * Looks at the device nodes a container shall have: those of --device (a directory stands for all below it), or every one of the
 * host where it is privileged. Fails with `invalid-argument` where one is missing.
 */
export async function resolveDevices(
  request: Pick<CreateRequest, "privileged" | "devices">,
  directory = "/dev",
): Promise<ResolvedDevice[]> {
  const all = request.privileged ? await devicesBelow(directory, "/dev", "rwm", true) : [];
  const asked = await Promise.all(request.devices.map(devicesOf));
  const byPath = new Map([...all, ...asked.flat()].map((device) => [device.path, device]));
  return [...byPath.values()];
}

/** `linux.devices` and the rules of `linux.resources.devices`. */
export function buildDevices(
  devices: readonly ResolvedDevice[],
  { privileged, deviceCgroupRules }: Pick<CreateRequest, "privileged" | "deviceCgroupRules">,
): { devices: Record<string, unknown>[]; rules: Record<string, unknown>[] } {
  const nodes = devices.map(({ path, type, major, minor, fileMode, uid, gid }) => ({
    path,
    type,
    major,
    minor,
    fileMode,
    uid,
    gid,
  }));
  const asked = deviceCgroupRules.map(parseDeviceRule);
  if (privileged) return { devices: nodes, rules: [{ allow: true, access: "rwm" }] };
  const rules = [
    { allow: false, access: "rwm" },
    ...alwaysAllowed.map(([major, minor]) => ({ allow: true, type: "c", major, minor, access: "rwm" })),
    { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
    ...devices.map(({ type, major, minor, permissions }) => ({ allow: true, type, major, minor, access: permissions })),
    ...asked,
  ];
  return { devices: nodes, rules };
}

/** docker's `c 13:* rwm`; a star is left out, which means all. Fails with `invalid-argument`. */
export function parseDeviceRule(text: string): Record<string, unknown> {
  const [, type, major = "", minor = "", access] =
    /^([abc]) (\d{1,7}|\*):(\d{1,7}|\*) ([rwm]{1,3})$/.exec(text.trim()) ?? [];
  if (type === undefined) {
    throw new EngineError("invalid-argument", `device rule ${JSON.stringify(text)} cannot be read`, {
      hint: "write it as TYPE MAJOR:MINOR ACCESS, e.g. c 13:* rwm",
      exitCode: 125,
    });
  }
  const numbers = {
    ...(major === "*" ? {} : { major: Number(major) }),
    ...(minor === "*" ? {} : { minor: Number(minor) }),
  };
  return { allow: true, type, ...numbers, access };
}

async function devicesOf(request: DeviceRequest): Promise<ResolvedDevice[]> {
  const permissions = request.permissions === "" ? "rwm" : request.permissions;
  if (!/^[rwm]{1,3}$/.test(permissions)) {
    throw invalid(`permissions ${JSON.stringify(permissions)} of device ${request.hostPath} are not letters of rwm`);
  }
  const target = request.containerPath === "" ? request.hostPath : request.containerPath;
  if (!request.hostPath.startsWith("/") || !target.startsWith("/")) {
    throw invalid(`device ${request.hostPath}:${target} is not given by absolute paths`);
  }
  const info = await stat(request.hostPath).catch(() => null);
  if (info === null) throw invalid(`device ${request.hostPath} does not exist on this host`);
  if (info.isDirectory()) return devicesBelow(request.hostPath, target, permissions, false);
  const device = await deviceAt(request.hostPath, target, permissions, true);
  if (device === null) throw invalid(`${request.hostPath} is not a device`);
  return [device];
}

async function devicesBelow(
  directory: string,
  target: string,
  permissions: string,
  isRoot: boolean,
): Promise<ResolvedDevice[]> {
  const found: ResolvedDevice[] = [];
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (found.length >= mostDevices || skipped.has(entry.name) || (isRoot && standard.has(entry.name))) continue;
    const path = join(directory, entry.name);
    const inside = join(target, entry.name);
    if (entry.isDirectory()) found.push(...(await devicesBelow(path, inside, permissions, false)));
    const device = await deviceAt(path, inside, permissions, false);
    if (device !== null) found.push(device);
  }
  return found;
}

/** Links are followed for a device that was named, not for those found in a directory: their target is found there by itself. */
async function deviceAt(
  path: string,
  inside: string,
  permissions: string,
  follow: boolean,
): Promise<ResolvedDevice | null> {
  const info = await (follow ? stat(path) : lstat(path)).catch(() => null);
  if (info === null || !(info.isCharacterDevice() || info.isBlockDevice())) return null;
  const { major, minor } = splitDeviceNumber(info.rdev);
  return {
    path: inside,
    type: info.isBlockDevice() ? "b" : "c",
    major,
    minor,
    fileMode: info.mode & 0o777,
    uid: info.uid,
    gid: info.gid,
    permissions,
  };
}

/** glibc's makedev(3): 12 bits of the major number, then the minor around it. */
export function splitDeviceNumber(device: number): { major: number; minor: number } {
  const value = BigInt(device);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
