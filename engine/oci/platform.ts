import { EngineError } from "../errors.ts";
import { type Descriptor, isIndexType, isManifestType } from "./descriptor.ts";
import type { Index } from "./manifest.ts";

/** As image configs and indexes write it: GOOS, GOARCH and, for arm and some others, a variant. */
export type Platform = {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | undefined;
};

const nodeNames: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const architectures: Readonly<Record<string, readonly [architecture: string, variant: string]>> = {
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  aarch64: ["arm64", ""],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  i386: ["386", ""],
};
const knownArchitectures = ["386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"];

/** This machine's. */
export function hostPlatform(): Platform {
  return { architecture: nodeNames[process.arch] ?? process.arch, os: "linux" };
}

/** Reads `os/arch[/variant]`, or one of them alone; what is left out is this machine's. Fails with `invalid-argument`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const [first = "", second, third] = parts;
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) throw noPlatform(text);
  if (second !== undefined) return normalize({ os: first, architecture: second, variant: third });
  if (first === "linux") return hostPlatform();
  if (!knownArchitectures.includes(first) && architectures[first] === undefined) throw noPlatform(text);
  return normalize({ os: "linux", architecture: first });
}

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/**
 * The entry of an index that fits `platform` best, else the first that names none. Null where none fits. Build attestations (platform
 * unknown/unknown) never do.
 */
export function findForPlatform(index: Index, platform: Platform): Descriptor | null {
  const usable = index.manifests.filter((entry) => isManifestType(entry.mediaType) || isIndexType(entry.mediaType));
  for (const wanted of fittingPlatforms(platform)) {
    const found = usable.find((entry) => entry.platform !== undefined && isSame(normalize(entry.platform), wanted));
    if (found !== undefined) return found;
  }
  return usable.find((entry) => entry.platform === undefined) ?? null;
}

/** True if what was made for `made` runs on `platform`. */
export function isFitting(made: Platform, platform: Platform): boolean {
  return fittingPlatforms(platform).some((wanted) => isSame(normalize(made), wanted));
}

/** What runs on a platform, best first: as containerd has it (platforms/compare.go), a processor runs what was made for those before it. */
function fittingPlatforms(platform: Platform): Platform[] {
  const { os, architecture, variant } = normalize(platform);
  const alike = (other: string, variants: readonly (string | undefined)[]): Platform[] =>
    variants.map((each) => normalize({ os, architecture: other, variant: each }));
  const version = Number(/^v(\d)$/.exec(variant ?? "")?.[1] ?? Number.NaN);
  switch (architecture) {
    case "amd64":
      return [...alike("amd64", versions(version, 2)), ...alike("amd64", [undefined]), ...alike("386", [undefined])];
    case "arm":
      return alike("arm", Number.isNaN(version) ? [variant] : versions(version, 5));
    case "arm64":
      return [...alike("arm64", [variant, undefined]), ...alike("arm", versions(8, 5))];
    default:
      return alike(architecture, [variant]);
  }
}

/** `v8`, `v7`, … down to the lowest. */
function versions(highest: number, lowest: number): string[] {
  const count = Number.isNaN(highest) ? 0 : Math.max(0, highest - lowest + 1);
  return Array.from({ length: count }, (_, index) => `v${highest - index}`);
}

/** One name for each platform, as containerd's platforms/database.go has it. */
function normalize({ os, architecture, variant }: Platform): Platform {
  const [name, implied] = architectures[architecture.toLowerCase()] ?? [architecture.toLowerCase(), ""];
  const given = (variant || implied).toLowerCase().replace(/^(?=\d)/, "v");
  const plain: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8" };
  if (given === plain[name]) return { os: os.toLowerCase(), architecture: name };
  const own = given === "" && name === "arm" ? "v7" : given;
  return { os: os.toLowerCase(), architecture: name, ...(own === "" ? {} : { variant: own }) };
}

function isSame(one: Platform, other: Platform): boolean {
  return one.os === other.os && one.architecture === other.architecture && one.variant === other.variant;
}

function noPlatform(text: string): EngineError {
  return new EngineError("invalid-argument", `${JSON.stringify(text.slice(0, 80))} is no platform`, {
    hint: "write it as os/architecture or os/architecture/variant: linux/amd64, linux/arm/v7",
  });
}
