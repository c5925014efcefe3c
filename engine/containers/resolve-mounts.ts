import { posix } from "node:path";
import { EngineError } from "../errors.ts";
import type { CreateRequest, MountRequest } from "../protocol/create-request.ts";
import type { ContainerRecord, ResolvedMount } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

/** More than anybody wants, and what an image may say at most. */
const mostMounts = 1000;

/**
 * What is to be mounted: what was asked for, then what other containers have, then the image's volumes, each only where nothing else is at its
 * target. Anonymous volumes get names. Null where that is what was asked for, to the letter. Fails with `invalid-argument`, `not-found`.
 */
export function resolveMounts(
  parts: Pick<ContainerParts, "table" | "volumes">,
  request: CreateRequest,
  imageVolumes: readonly string[],
): ResolvedMount[] | null {
  const { mounts, volumesFrom } = request;
  if (volumesFrom.length + imageVolumes.length === 0 && mounts.every(({ type }) => type !== "volume")) return null;
  const createName = () => parts.volumes.createName();
  const own = mounts.map((mount) => resolveOwn(mount, createName));
  const byTarget = new Map<string, ResolvedMount>();
  for (const text of volumesFrom) {
    for (const mount of mountsFrom(parts, text)) byTarget.set(cleanTarget(mount.target), mount);
  }
  const taken = new Set(own.map(({ target }) => cleanTarget(target)));
  for (const target of taken) byTarget.delete(target);
  for (const path of imageVolumes) {
    const target = cleanTarget(posix.join("/", path));
    if (!taken.has(target) && !byTarget.has(target)) byTarget.set(target, anonymousMount(target, createName()));
  }
  const all = [...own, ...byTarget.values()];
  if (all.length > mostMounts) throw refuse(`${all.length} mounts are too many, at most ${mostMounts} can be had`);
  return all;
}

/** What is mounted into a container, volumes by their names. */
export function mountsOf({
  request,
  resolution,
}: Pick<ContainerRecord, "request" | "resolution">): readonly MountRequest[] {
  return resolution.mounts ?? request.mounts;
}

/** Volumes of a container; none for most, whose records say nothing of mounts. */
export function volumeMountsOf({ resolution }: Pick<ContainerRecord, "resolution">): readonly ResolvedMount[] {
  return (resolution.mounts ?? []).filter(({ type }) => type === "volume");
}

function resolveOwn(mount: MountRequest, createName: () => string): ResolvedMount {
  if (mount.type !== "volume") return { ...mount, isNamed: true };
  checkSubpath(mount);
  const isNamed = mount.source !== "";
  return { ...mount, source: isNamed ? mount.source : createName(), isNamed };
}

function checkSubpath({ target, volume }: MountRequest): void {
  const subpath = volume?.subpath ?? "";
  const isLocal = !subpath.startsWith("/") && !`${posix.normalize(subpath)}/`.startsWith("../");
  if (isLocal) return;
  throw refuse(
    `subpath ${JSON.stringify(subpath.slice(0, 80))} of the volume at ${target} is not a relative path inside it`,
  );
}

/** `container[:ro|rw]`. What is mounted in memory is nobody else's. */
function mountsFrom({ table }: Pick<ContainerParts, "table">, text: string): ResolvedMount[] {
  const colon = text.lastIndexOf(":");
  const [name, mode] = colon === -1 ? [text, "rw"] : [text.slice(0, colon), text.slice(colon + 1)];
  if (name === "" || (mode !== "ro" && mode !== "rw")) {
    throw refuse(`--volumes-from ${JSON.stringify(text.slice(0, 80))} is not of the form container[:ro|rw]`);
  }
  const other = table.get(name);
  if (other.state.status === "removing" || other.state.status === "dead") {
    throw new EngineError("failed-precondition", `container ${other.name} is being removed`, { exitCode: 125 });
  }
  const named = new Map((other.resolution.mounts ?? []).map((mount) => [mount.target, mount.isNamed]));
  return mountsOf(other)
    .filter(({ type }) => type !== "tmpfs")
    .map((mount) => ({
      ...mount,
      readOnly: mount.readOnly || mode === "ro",
      isNamed: named.get(mount.target) ?? true,
      ...(mount.type === "volume" ? { volume: { ...(mount.volume ?? noVolumeOptions), noCopy: true } } : {}),
    }));
}

const noVolumeOptions = { noCopy: false, subpath: "", driver: "", driverOptions: {}, labels: {} };

function anonymousMount(target: string, source: string): ResolvedMount {
  return { type: "volume", source, target, readOnly: false, createSource: true, options: [], isNamed: false };
}

function cleanTarget(target: string): string {
  return posix.normalize(target).replace(/(?<=.)\/$/, "");
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
