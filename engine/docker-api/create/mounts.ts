import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { MountRequest } from "../../protocol/create-request.ts";
import type { CreateBody, MountBody } from "./create-body.ts";

/** Options that change nothing on a Linux host without SELinux. */
const withoutEffect = ["z", "Z", "rw", "cached", "delegated", "consistent"];
const propagations = ["rprivate", "rslave", "rshared", "private", "slave", "shared"];

/** Binds, Mounts and Tmpfs, then the anonymous volumes where nothing else is mounted. Fails in docker's words. */
export function toMounts({ HostConfig: host, Volumes: volumes }: CreateBody): MountRequest[] {
  const asked = [
    ...host.Binds.map((bind) => parseBind(bind, host.VolumeDriver)),
    ...host.Mounts.map((mount) => toMount(mount, host.VolumeDriver)),
    ...Object.entries(host.Tmpfs).map(([target, options]) => ({
      ...toTmpfs(target, options.split(",")),
      createSource: true,
    })),
  ];
  const targets = new Set<string>();
  for (const { target } of asked) {
    if (targets.has(target)) throw invalid(`Duplicate mount point: ${target}`);
    targets.add(target);
  }
  const anonymous = volumes.map((path) => parseAnonymous(path, host.VolumeDriver));
  return [...asked, ...anonymous.filter(({ target }) => !targets.has(target))];
}

/** `source:target[:options]` with an absolute path or the name of a volume; a target alone is an anonymous volume. */
function parseBind(text: string, driver: string): MountRequest {
  const [first = "", second, options, ...more] = text.split(":");
  if (more.length > 0 || first === "" || second === "" || options === "") {
    throw invalid(`invalid volume specification: '${text}'`);
  }
  if (second === undefined) return parseAnonymous(first, driver);
  const target = parseTarget(text, second);
  const { readOnly, propagation, noCopy } = parseOptions(text, options ?? "");
  const common = { target, readOnly, createSource: true, options: [] };
  if (!first.startsWith("/")) {
    if (propagation !== undefined) throw invalid(`invalid volume specification: '${text}': invalid mode: ${options}`);
    return { ...common, type: "volume", source: first, volume: { ...noVolumeOptions, noCopy, driver } };
  }
  if (noCopy) throw invalid(`invalid volume specification: '${text}': invalid mode: ${options}`);
  const source = posix.normalize(first).replace(/(?<=.)\/$/, "");
  return { ...common, type: "bind", source, ...(propagation === undefined ? {} : { propagation }) };
}

const noVolumeOptions = { noCopy: false, subpath: "", driver: "", driverOptions: {}, labels: {} };

function parseAnonymous(path: string, driver: string): MountRequest {
  const volume = { ...noVolumeOptions, driver };
  const target = parseTarget(path, path);
  return { type: "volume", source: "", target, readOnly: false, createSource: true, options: [], volume };
}

function parseOptions(text: string, options: string) {
  const modes = options === "" ? [] : options.split(",");
  const known = ["ro", "nocopy", ...propagations, ...withoutEffect];
  const [propagation, ...others] = modes.filter((mode) => propagations.includes(mode));
  const isWrong = modes.some((mode) => !known.includes(mode)) || others.length > 0;
  if (isWrong || (modes.includes("ro") && modes.includes("rw"))) {
    throw invalid(`invalid volume specification: '${text}': invalid mode: ${options}`);
  }
  return { readOnly: modes.includes("ro"), propagation, noCopy: modes.includes("nocopy") };
}

function toMount(body: MountBody, driver: string): MountRequest {
  const target = parseTarget(`mount of ${body.Source || body.Type}`, body.Target);
  switch (body.Type) {
    case "bind":
      return toBind(body, target);
    case "volume":
      return toVolume(body, target, driver);
    case "tmpfs":
      return toTmpfsMount(body, target);
    default:
      throw new EngineError(
        body.Type === "image" || body.Type === "cluster" || body.Type === "npipe"
          ? "unimplemented"
          : "invalid-argument",
        `mount type ${JSON.stringify(body.Type)} at ${target} is not supported: want bind, volume or tmpfs`,
      );
  }
}

function toBind({ Source, ReadOnly, BindOptions: options }: MountBody, target: string): MountRequest {
  if (!Source.startsWith("/")) {
    throw invalid(`invalid mount config for type "bind": invalid mount path: '${Source}' mount path must be absolute`);
  }
  const propagation = options?.Propagation ?? "";
  if (propagation !== "" && !propagations.includes(propagation)) {
    throw invalid(`invalid mount config for type "bind": invalid propagation mode: ${propagation}`);
  }
  return {
    type: "bind",
    source: posix.normalize(Source).replace(/(?<=.)\/$/, ""),
    target,
    readOnly: ReadOnly,
    createSource: options?.CreateMountpoint ?? false,
    options: [],
    ...(propagation === "" ? {} : { propagation }),
    ...(options?.NonRecursive ? { nonRecursive: true } : {}),
    ...(options?.ReadOnlyNonRecursive ? { recursiveReadOnly: "never" as const } : {}),
    ...(options?.ReadOnlyForceRecursive ? { recursiveReadOnly: "always" as const } : {}),
  };
}

function toVolume(
  { Source, ReadOnly, VolumeOptions: options }: MountBody,
  target: string,
  driver: string,
): MountRequest {
  return {
    type: "volume",
    source: Source,
    target,
    readOnly: ReadOnly,
    createSource: false,
    options: [],
    volume: {
      noCopy: options?.NoCopy ?? false,
      subpath: options?.Subpath ?? "",
      driver: options?.DriverConfig?.Name || driver,
      driverOptions: options?.DriverConfig?.Options ?? {},
      labels: options?.Labels ?? {},
    },
  };
}

function toTmpfsMount({ Source, ReadOnly, TmpfsOptions: options }: MountBody, target: string): MountRequest {
  if (Source !== "") throw invalid('invalid mount config for type "tmpfs": field Source must not be specified');
  return toTmpfs(target, [
    ...(ReadOnly ? ["ro"] : []),
    ...(options?.SizeBytes ? [`size=${options.SizeBytes}`] : []),
    // docker's JSON has Go's bits of a mode in decimal digits.
    ...(options?.Mode ? [`mode=${(options.Mode & 0o1777).toString(8)}`] : []),
    ...(options?.Options ?? []).map((words) => words.join("=")),
  ]);
}

function toTmpfs(target: string, options: readonly string[]): MountRequest {
  return {
    type: "tmpfs",
    source: "",
    target: parseTarget(`tmpfs ${target}`, target),
    readOnly: options.includes("ro"),
    createSource: false,
    options: options.filter((option) => option !== "" && option !== "ro" && option !== "rw"),
  };
}

function parseTarget(text: string, target: string): string {
  const path = posix.normalize(target).replace(/(?<=.)\/$/, "");
  if (!path.startsWith("/")) {
    throw invalid(`invalid mount config: '${text}': invalid mount path: '${target}' mount path must be absolute`);
  }
  if (path === "/")
    throw invalid(`invalid volume specification: '${text}': invalid specification: destination can't be '/'`);
  return path;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
