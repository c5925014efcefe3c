import { close, constants, open } from "node:fs";
import { promisify } from "node:util";
import { EngineError } from "../errors.ts";
import { openInRootElsewhere } from "../host/syscalls.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import type { MountRequest } from "../protocol/create-request.ts";
import type { VolumeClaim, VolumeService } from "../volumes/volume-service.ts";
import type { ContainerRecord, ResolvedMount } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";
import { mountsOf, volumeMountsOf } from "./resolve-mounts.ts";

const openPath = 0o10000000;
const closeOnExec = 0o2000000;

/** What a container claims of volumes; one that is mounted twice is one. */
export function claimsOf(record: ContainerRecord): VolumeClaim[] {
  const claims = new Map<string, VolumeClaim>();
  for (const { source: name, isNamed, volume } of volumeMountsOf(record)) {
    const { driver = "", driverOptions: options = {}, labels = {} } = volume ?? {};
    const before = claims.get(name);
    claims.set(name, { name, isNamed: isNamed || (before?.isNamed ?? false), driver, options, labels });
  }
  return [...claims.values()];
}

/** Writes a container's record, with its claims on volumes where it has any. */
export function insertWithVolumes({ table, volumes }: ContainerParts, record: ContainerRecord): void {
  const claims = claimsOf(record);
  if (claims.length === 0) table.insert(record);
  else table.insert(record, (write) => volumes.claim(record.id, claims, write));
}

/** Deletes the record of a container that is half made, with what was made for it. */
export async function abandonRecord({ table, volumes }: ContainerParts, id: string): Promise<void> {
  let gone: Promise<void> | null = null;
  table.delete(id, (write) => {
    gone = volumes.abandon(id, write);
  });
  await gone;
}

/** Deletes the record of a container; its anonymous volumes go with it where that is wanted, or was when its removal began. */
export function deleteRecord({ table, volumes }: ContainerParts, record: ContainerRecord): void {
  const { id, request } = record;
  table.delete(id, (write) => volumes.release(id, { anonymous: request.autoRemove }, write));
}

/**
 * Copies what the image has at the targets of volumes into those that are empty. Once for a container, at its creation; where that was cut off,
 * at its next start.
 */
export async function fillVolumes(parts: ContainerParts, record: ContainerRecord): Promise<void> {
  const mounts = volumeMountsOf(record).filter(isFilled);
  if (mounts.length === 0) return;
  const { layers, volumes } = parts;
  const empty = await volumes.unfilled(record.id);
  const wanted = mounts.filter(({ source }) => empty.includes(source));
  if (wanted.length > 0) {
    await using _mounted = await layers.keepMounted(record.id);
    for (const { source, target } of wanted) await volumes.fill(source, fillSource(parts, record, target));
  }
  volumes.markFilled(record.id);
}

/** What is mounted, as the host has it. Must be disposed once the runtime has made its own mounts. */
export type HostMounts = { readonly list: readonly MountRequest[] } & Disposable;

/** Makes the volumes of a container usable, until releaseVolumes(). Its file system has to be mounted. */
export async function mountVolumes(parts: ContainerParts, record: ContainerRecord): Promise<HostMounts> {
  const mounts = volumeMountsOf(record);
  if (mounts.length === 0) return { list: mountsOf(record), [Symbol.dispose]: () => {} };
  await fillVolumes(parts, record);
  await parts.volumes.mount(
    record.id,
    mounts.map((mount) => ({
      name: mount.source,
      target: mount.target,
      readOnly: mount.readOnly,
      fill: isFilled(mount) ? fillSource(parts, record, mount.target) : null,
    })),
  );
  return await openMounts(parts.volumes, record);
}

/** The same as it would be: where subpaths lie is not looked at. */
export function plannedMounts({ volumes }: Pick<ContainerParts, "volumes">, record: ContainerRecord): MountRequest[] {
  return mountsOf(record).map((mount) =>
    mount.type === "volume" ? asBind(mount, volumes.pathOf(mount.source)) : mount,
  );
}

/**
 * Volumes as binds. What lies in one by a subpath is held by a descriptor, which links cannot lead out of the volume, and named by that: a
 * container that has the volume, too, may put a link in its place at any moment.
 */
export async function openMounts(volumes: Pick<VolumeService, "pathOf">, record: ContainerRecord): Promise<HostMounts> {
  using opening = new DisposableStack();
  const list: MountRequest[] = [];
  for (const mount of mountsOf(record)) {
    if (mount.type !== "volume") {
      list.push(mount);
      continue;
    }
    const data = volumes.pathOf(mount.source);
    const subpath = mount.volume?.subpath ?? "";
    const fd = subpath === "" ? null : await openSubpath(data, mount);
    if (fd !== null) opening.defer(() => close(fd));
    list.push(asBind(mount, fd === null ? data : `/proc/${process.pid}/fd/${fd}`));
  }
  const opened = opening.move();
  return { list, [Symbol.dispose]: () => opened.dispose() };
}

function asBind(mount: MountRequest, source: string): MountRequest {
  const { volume: _, propagation: __, ...others } = mount;
  return { ...others, type: "bind", source, createSource: false };
}

/** Waits on threads of their own: a volume may be a server's that does not answer. */
async function openSubpath(data: string, { source, volume }: MountRequest): Promise<number> {
  const subpath = volume?.subpath ?? "";
  const directory = await promisify(open)(data, openPath | constants.O_DIRECTORY | closeOnExec);
  try {
    const fd = await openInRootElsewhere(directory, bytePathOf(subpath), openPath | closeOnExec);
    if (fd !== null) return fd;
    throw new EngineError("failed-precondition", `volume ${source} has no ${subpath}`, {
      hint: "make it in the volume first",
      exitCode: 125,
    });
  } finally {
    close(directory);
  }
}

/** What is mounted as a part is as it is: nothing is copied there. */
function isFilled({ volume }: ResolvedMount): boolean {
  return volume === undefined || (!volume.noCopy && volume.subpath === "");
}

function fillSource({ layers }: Pick<ContainerParts, "layers">, { id }: ContainerRecord, target: string) {
  return { root: bytePathOf(layers.rootfsOf(id)), path: bytePathOf(target), ids: layers.idsOf(id) };
}
