import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { basename } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { tryCommand } from "../host/commands.ts";
import { parseMountinfo } from "../host/mountinfo.ts";
import { isMounted, unmount } from "../host/mounts.ts";
import { umount, unmountFlags } from "../host/syscalls.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { driverMountOf, isNetwork, mountArguments, serverOf } from "./driver-options.ts";
import type { VolumeRecord } from "./volume-record.ts";

/** Milliseconds for mount(8): a server that does not answer must not keep a container from failing. */
const mountPatience = 60_000;

/** Who uses which volume at this moment, and what is mounted for them. To be called in the volume's queue. */
export class VolumeMounts {
  readonly #users = new Map<string, Set<string>>();
  readonly #volumes = new Map<string, Set<string>>();

  isUsed(name: string): boolean {
    return this.#users.has(name);
  }

  /** Volumes that one uses now. */
  usedBy(user: string): string[] {
    return [...(this.#volumes.get(user) ?? [])];
  }

  add(name: string, user: string): void {
    put(this.#users, name, user);
    put(this.#volumes, user, name);
  }

  remove(name: string, user: string): void {
    take(this.#users, name, user);
    take(this.#volumes, user, name);
  }
}

/** Mounts what the options of a volume's driver say. Fails with what mount(8) said. */
export async function mountVolume({ name, options }: VolumeRecord, target: string): Promise<void> {
  const wanted = driverMountOf(options);
  const server = serverOf(wanted);
  try {
    const address = server === null ? null : isIP(server) === 0 ? (await lookup(server)).address : server;
    const result = await tryCommand("mount", mountArguments(wanted, target, address), { timeout: mountPatience });
    if (result.exitCode === 0) return;
    throw new EngineError("failed-precondition", reasonOf(result.stderr, target));
  } catch (error) {
    throw new EngineError(
      "failed-precondition",
      `mount volume ${name} (${wanted.type} ${wanted.device}): ${messageOf(error)}`,
      { cause: error, hint: "check its options: gantry volume inspect", exitCode: 125 },
    );
  }
}

/** A success where nothing is mounted. A server that is gone is not waited for. */
export async function unmountVolume(record: VolumeRecord, target: string): Promise<void> {
  if (isNetwork(driverMountOf(record.options)) && isMounted(target)) {
    await umount(bytePathOf(target), unmountFlags.detach | unmountFlags.noFollow);
  }
  await unmount(target);
}

/** Mount points below a directory: never to be deleted with it. */
export function mountsBelow(directory: string): string[] {
  // A host may have thousands of mounts, and a prune many volumes: the table is taken apart only where it has the name.
  const text = readFileSync("/proc/self/mountinfo", "utf8");
  if (!text.includes(`/${basename(directory)}/`)) return [];
  return parseMountinfo(text).flatMap(({ target }) => (target.startsWith(`${directory}/`) ? [target] : []));
}

function reasonOf(stderr: string, target: string): string {
  const line = stderr.trim().split("\n")[0] ?? "";
  return (
    line
      .replace(/^mount: /, "")
      .replace(`${target}: `, "")
      .replace(/\.$/, "") || "it failed without a word"
  );
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set();
  values.add(value);
  map.set(key, values);
}

function take(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  values?.delete(value);
  if (values?.size === 0) map.delete(key);
}
