import type { EngineConfig } from "../config.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import type { CreateRequest, MountRequest } from "../protocol/create-request.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { propagationOf } from "./bind-propagation.ts";
import type { ContainerRecord } from "./container-record.ts";
import { mountsOf } from "./resolve-mounts.ts";

type Paths = Pick<VolumeService, "pathOf">;

/** Mounts of a summary. */
export function summarizeMounts(record: ContainerRecord, volumes: Paths): ContainerSummary["mounts"] {
  return mountsOf(record).map(({ type, source, target, readOnly }) => {
    if (type !== "volume") return { type, source, target, readOnly };
    return { type, source: volumes.pathOf(source), target, readOnly, name: source };
  });
}

/** docker's `Mounts` (Engine API, MountPoint). */
export function inspectMountPoints(record: ContainerRecord, volumes: Paths, config: Pick<EngineConfig, "root">) {
  const isNamed = new Map((record.resolution.mounts ?? []).map((mount) => [mount.target, mount.isNamed]));
  const shown = mountsOf(record).filter((mount) => !isTmpfsFlag(mount));
  return shown.map((mount) => {
    const common = {
      Destination: mount.target,
      Mode: modeOf(mount, isNamed.get(mount.target) ?? true),
      RW: !mount.readOnly,
    };
    if (mount.type === "volume") {
      const own = { Type: "volume", Name: mount.source, Source: volumes.pathOf(mount.source) };
      return { ...own, Driver: "local", ...common, Propagation: "" };
    }
    return { Type: mount.type, Source: mount.source, ...common, Propagation: propagationOf(mount, config) };
  });
}

/** The options behind the second colon of -v; docker relabels what it names by default. */
function modeOf({ type, createSource, readOnly }: MountRequest, isNamed: boolean): string {
  if (createSource && readOnly) return "ro";
  return type === "volume" && isNamed ? "z" : "";
}

/** `-v` stands in Binds, `--mount` in Mounts, `--tmpfs` in Tmpfs; an anonymous volume of `-v` only among the config's volumes. */
export function inspectAskedMounts({ mounts }: CreateRequest) {
  const shared = mounts.filter((mount) => !isTmpfsFlag(mount));
  const tmpfs = mounts.filter(isTmpfsFlag);
  const binds = shared.filter(({ createSource, source }) => createSource && source !== "");
  const ofMountFlag = shared.filter(({ createSource }) => !createSource);
  return {
    Binds: binds.length === 0 ? null : binds.map(formatBind),
    ...(ofMountFlag.length === 0 ? {} : { Mounts: ofMountFlag.map(inspectMountFlag) }),
    ...(tmpfs.length === 0
      ? {}
      : {
          Tmpfs: Object.fromEntries(
            tmpfs.map(({ target, options, readOnly }) => [target, [...options, ...(readOnly ? ["ro"] : [])].join(",")]),
          ),
        }),
  };
}

/** Targets of `-v /target`: docker keeps them with the image's volumes. */
export function anonymousTargets({ mounts }: CreateRequest): string[] {
  const own = mounts.filter(({ type, source, createSource }) => type === "volume" && source === "" && createSource);
  return own.map(({ target }) => target);
}

function formatBind({ source, target, readOnly, propagation, volume }: MountRequest): string {
  const options = [
    ...(readOnly ? ["ro"] : []),
    ...(propagation === undefined ? [] : [propagation]),
    ...(volume?.noCopy ? ["nocopy"] : []),
  ];
  return [source, target, ...(options.length === 0 ? [] : [options.join(",")])].join(":");
}

function inspectMountFlag(mount: MountRequest) {
  const { type, source, target, readOnly } = mount;
  return {
    Type: type,
    ...(source === "" ? {} : { Source: source }),
    Target: target,
    ...(readOnly ? { ReadOnly: true } : {}),
    ...optionsOf(mount),
  };
}

function isTmpfsFlag({ type, createSource }: MountRequest): boolean {
  return type === "tmpfs" && createSource;
}

function optionsOf(mount: MountRequest) {
  if (mount.type === "bind") return inspectBindOptions(mount);
  return mount.type === "tmpfs" ? inspectTmpfsOptions(mount) : inspectVolumeOptions(mount);
}

function inspectTmpfsOptions({ options }: MountRequest) {
  const find = (name: string) => options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const [size, mode] = [find("size"), find("mode")];
  const others = options.filter((option) => !/^(size|mode)=/.test(option)).map((option) => option.split("="));
  const given = {
    ...(size !== undefined && /^\d+$/.test(size) ? { SizeBytes: Number(size) } : {}),
    ...(mode !== undefined ? { Mode: Number.parseInt(mode, 8) } : {}),
    ...(others.length === 0 ? {} : { Options: others }),
  };
  return Object.keys(given).length === 0 ? {} : { TmpfsOptions: given };
}

function inspectBindOptions({ propagation, nonRecursive, recursiveReadOnly }: MountRequest) {
  const options = {
    ...(propagation === undefined ? {} : { Propagation: propagation }),
    ...(nonRecursive ? { NonRecursive: true } : {}),
    ...(recursiveReadOnly === "never" ? { ReadOnlyNonRecursive: true } : {}),
    ...(recursiveReadOnly === "always" ? { ReadOnlyForceRecursive: true } : {}),
  };
  return Object.keys(options).length === 0 ? {} : { BindOptions: options };
}

function inspectVolumeOptions({ volume }: MountRequest) {
  if (volume === undefined) return {};
  const { noCopy, subpath, driver, driverOptions, labels } = volume;
  const hasDriver = driver !== "" || Object.keys(driverOptions).length > 0;
  const options = {
    ...(noCopy ? { NoCopy: true } : {}),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    ...(hasDriver ? { DriverConfig: { Name: driver || "local", Options: driverOptions } } : {}),
    ...(subpath === "" ? {} : { Subpath: subpath }),
  };
  return { VolumeOptions: options };
}
