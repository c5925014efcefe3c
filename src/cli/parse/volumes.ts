import { resolve } from "node:path";
import type { MountRequest } from "../../../engine/protocol/create-request.ts";
import { parseTarget, propagations } from "./mount-target.ts";
import { refused, UsageError } from "./usage-error.ts";

/** Options that change nothing on a Linux host without SELinux. */
const withoutEffect = ["z", "Z", "cached", "delegated", "consistent"];
const noCopyWords = ["nocopy", "volume-nocopy"];

/** What -v leaves to others. */
export type VolumeDefaults = {
  /** Relative sources are taken from here. */
  readonly directory: string;
  /** `--volume-driver`: of volumes that have to be made. */
  readonly driver: string;
};

/** `-v source:target[:options]` with a path or a volume's name, or `-v target` for an anonymous volume. */
export function parseVolume(text: string, defaults: VolumeDefaults): MountRequest {
  const [first = "", second, options = "", ...more] = text.split(":");
  if (more.length > 0) throw refused(`invalid volume "${text}": want [source:]target[:options]`);
  if (second === undefined) return volumeMount(text, { source: "", target: first, options: "" }, defaults);
  if (first === "" || second === "") throw new UsageError(`invalid volume "${text}": want [source:]target[:options]`);
  const parts = { source: first, target: second, options };
  return /^[./~]/.test(first) ? bindMount(text, parts, defaults) : volumeMount(text, parts, defaults);
}

type Parts = { readonly source: string; readonly target: string; readonly options: string };

function bindMount(text: string, { source, target, options }: Parts, { directory }: VolumeDefaults): MountRequest {
  const { readOnly, propagation, noCopy } = parseOptions(text, options);
  if (noCopy) throw refused(`invalid volume "${text}": nothing is copied into a host directory, nocopy is for volumes`);
  return {
    type: "bind",
    source: resolve(directory, source),
    target: parseTarget(`volume "${text}"`, target),
    createSource: true,
    options: [],
    readOnly,
    ...(propagation === undefined ? {} : { propagation }),
  };
}

function volumeMount(text: string, { source, target, options }: Parts, { driver }: VolumeDefaults): MountRequest {
  if (source.includes("/")) {
    throw refused(`invalid volume "${text}": "${source}" is no name of a volume; for a directory want ./${source}`);
  }
  const { readOnly, propagation, noCopy } = parseOptions(text, options);
  if (propagation !== undefined) {
    throw refused(`invalid volume "${text}": ${propagation} is for host directories, not for volumes`);
  }
  return {
    type: "volume",
    source,
    target: parseTarget(`volume "${text}"`, target),
    createSource: true,
    options: [],
    readOnly,
    volume: { noCopy, subpath: "", driver, driverOptions: {}, labels: {} },
  };
}

type Options = { readonly readOnly: boolean; readonly noCopy: boolean; readonly propagation: string | undefined };

function parseOptions(text: string, options: string): Options {
  const words = options.split(",").filter((word) => word !== "");
  const known = ["ro", "readonly", "rw", ...propagations, ...withoutEffect, ...noCopyWords];
  const wrong = words.find((word) => !known.includes(word));
  if (wrong !== undefined) throw refused(`invalid volume "${text}": unknown option "${wrong}"`);
  const isReadOnly = words.includes("ro") || words.includes("readonly");
  if (isReadOnly && words.includes("rw")) throw refused(`invalid volume "${text}": ro and rw exclude each other`);
  const [propagation, ...others] = words.filter((word) => propagations.includes(word));
  if (others.length > 0) throw refused(`invalid volume "${text}": more than one propagation`);
  return { readOnly: isReadOnly, noCopy: words.some((word) => noCopyWords.includes(word)), propagation };
}

/** `--volumes-from container[:ro|rw]` */
export function parseVolumesFrom(text: string): string {
  const [container = "", mode, ...more] = text.split(":");
  const words = mode?.split(",") ?? [];
  const areKnown = words.every((word) => ["ro", "rw", "z", "Z"].includes(word));
  if (container === "" || !areKnown || more.length > 0) {
    throw new UsageError(`invalid --volumes-from "${text}": want container[:ro|rw]`);
  }
  if (words.includes("ro")) return `${container}:ro`;
  return words.includes("rw") ? `${container}:rw` : container;
}
