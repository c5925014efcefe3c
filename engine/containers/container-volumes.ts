import { close, constants, open } from "node:fs";
import { mkdir, readdir, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineError } from "../errors.ts";
import { errnoOf } from "../host/errno.ts";
import { mountBind, unmount } from "../host/mounts.ts";
import { patientDisk } from "../host/patient-disk.ts";
import { openInRootElsewhere } from "../host/syscalls.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import type { MountRequest } from "../protocol/create-request.ts";
import type { VolumeClaim, VolumeService } from "../volumes/volume-service.ts";
import { checkPropagation } from "./bind-propagation.ts";
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

/**
 * Writes a container's record; durable after ContainerTable.settled(). With its claims on volumes, where it has any, it is at once: of a
 * volume's directory nobody else would know.
 */
export function insertWithVolumes({ table, volumes }: ContainerParts, record: ContainerRecord): void {
  const claims = claimsOf(record);
  if (claims.length === 0) table.insertLater(record);
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
export type HostMounts = { readonly list: readonly MountRequest[] } & AsyncDisposable;

/** Makes the volumes of a container usable, until they are unmounted for it. Its file system has to be mounted. */
export async function mountVolumes(parts: ContainerParts, record: ContainerRecord): Promise<HostMounts> {
  const mounts = volumeMountsOf(record);
  await checkPropagation(mountsOf(record));
  if (mounts.length === 0) return { list: mountsOf(record), [Symbol.asyncDispose]: async () => {} };
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
  using opened = await openMounts(parts.volumes, record);
  await using mounting = new AsyncDisposableStack();
  const list: MountRequest[] = [];
  for (const mount of opened.list) {
    const place = opened.held.has(mount) ? await mountPart(parts, { id: record.id, mount, number: list.length }) : null;
    if (place !== null) mounting.defer(() => unmountPart(place));
    list.push(place === null ? mount : { ...mount, source: place });
  }
  const mounted = mounting.move();
  return { list, [Symbol.asyncDispose]: () => mounted.disposeAsync() };
}

/**
 * Mounts what a descriptor holds at a path: the kernel lets a runtime mount nothing of another mount namespace, and its own has a copy of what is
 * mounted here. In the run directory, where nothing is ever deleted with all that is in it.
 */
async function mountPart(
  { config }: ContainerParts,
  { id, mount, number }: { readonly id: string; readonly mount: MountRequest; readonly number: number },
): Promise<string> {
  const place = join(partsDirectory(config), `${id}.${number}`);
  await mkdir(partsDirectory(config), { recursive: true, mode: 0o700 });
  if (await isDirectory(mount.source)) await mkdir(place, { recursive: true, mode: 0o700 });
  else await writeFile(place, "", { mode: 0o600 });
  try {
    mountBind(mount.source, place);
  } catch (error) {
    await unmountPart(place);
    throw error;
  }
  return place;
}

function isDirectory(source: string): Promise<boolean> {
  return patientDisk.ask(source, async () => (await stat(source)).isDirectory(), { subject: "part of a volume" });
}

async function unmountPart(place: string): Promise<void> {
  await unmount(place);
  await rmdir(place).catch((error) => (errnoOf(error) === "ENOTDIR" ? unlink(place) : Promise.reject(error)));
}

/** What a start that was cut off has left. Once, before anything is started. */
export async function sweepParts({ config, log }: ContainerParts): Promise<void> {
  for (const name of await readdir(partsDirectory(config)).catch(() => [])) {
    await unmountPart(join(partsDirectory(config), name)).catch((error) => {
      log.warning("a part of a volume is still mounted", { name, error });
    });
  }
}

function partsDirectory({ run }: ContainerParts["config"]): string {
  return join(run, "volume-parts");
}

/** The same as it would be: where subpaths lie is not looked at. */
export function plannedMounts({ volumes }: Pick<ContainerParts, "volumes">, record: ContainerRecord): MountRequest[] {
  return mountsOf(record).map((mount) =>
    mount.type === "volume" ? asBind(mount, volumes.pathOf(mount.source)) : mount,
  );
}

/** held: of a volume's parts, named by descriptors that live until it is disposed. */
export type OpenMounts = {
  readonly list: readonly MountRequest[];
  readonly held: ReadonlySet<MountRequest>;
} & Disposable;

/**
 * Volumes as binds. What lies in one by a subpath is held by a descriptor, which links cannot lead out of the volume, and named by that: a
 * container that has the volume, too, may put a link in its place at any moment.
 */
export async function openMounts(volumes: Pick<VolumeService, "pathOf">, record: ContainerRecord): Promise<OpenMounts> {
  using opening = new DisposableStack();
  const list: MountRequest[] = [];
  const held = new Set<MountRequest>();
  for (const mount of mountsOf(record)) {
    if (mount.type !== "volume") {
      list.push(mount);
      continue;
    }
    const data = volumes.pathOf(mount.source);
    const fd = (mount.volume?.subpath ?? "") === "" ? null : await openSubpath(data, mount);
    if (fd !== null) opening.defer(() => close(fd));
    const opened = asBind(mount, fd === null ? data : `/proc/self/fd/${fd}`);
    if (fd !== null) held.add(opened);
    list.push(opened);
  }
  const opened = opening.move();
  return { list, held, [Symbol.dispose]: () => opened.dispose() };
}

function asBind(mount: MountRequest, source: string): MountRequest {
  const { volume: _, propagation: __, ...others } = mount;
  return { ...others, type: "bind", source, createSource: false };
}

async function openSubpath(data: string, { source, volume }: MountRequest): Promise<number> {
  const subpath = volume?.subpath ?? "";
  const found = await patientDisk.open(data, () => openBelow(data, subpath), {
    subject: `volume ${source}`,
    close: (fd) => void (fd === null ? null : close(fd)),
  });
  if (found !== null) return found;
  throw new EngineError("failed-precondition", `volume ${source} has no ${subpath}`, {
    hint: "make it in the volume first",
    exitCode: 125,
  });
}

async function openBelow(data: string, subpath: string): Promise<number | null> {
  const directory = await promisify(open)(data, openPath | constants.O_DIRECTORY | closeOnExec);
  try {
    return await openInRootElsewhere(directory, bytePathOf(subpath), openPath | closeOnExec);
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
