import * as z from "zod/mini";
import { EngineError, messageOf } from "../errors.ts";
import type { SeccompChoice } from "../protocol/create-request.ts";
import defaultProfile from "./seccomp-profile.json" with { type: "json" };

const mostProfileBytes = 1024 * 1024;
const name = z.string().check(z.regex(/^[a-z0-9_]{1,64}$/));
const word = z.string().check(z.regex(/^[A-Z0-9_]{1,64}$/));
const count = z.number().check(z.int(), z.minimum(0));

const argument = z.object({
  index: count,
  value: count,
  valueTwo: z.optional(count),
  op: word,
});
const filter = z.object({
  caps: z.optional(z.array(z.string())),
  arches: z.optional(z.array(z.string())),
  minKernel: z.optional(z.string()),
});
const rule = z.object({
  /** OCI and docker since 1.13; before it was one `name`. */
  names: z.optional(z.array(name).check(z.maxLength(2000))),
  name: z.optional(name),
  action: word,
  errnoRet: z.optional(count),
  args: z.nullish(z.array(argument).check(z.maxLength(6))),
  includes: z.nullish(filter),
  excludes: z.nullish(filter),
});
/** docker's format (archMap, includes, excludes) and OCI's (architectures) in one: the first is the second with conditions. */
const profileSchema = z.object({
  defaultAction: word,
  defaultErrnoRet: z.optional(count),
  architectures: z.nullish(z.array(word).check(z.maxLength(32))),
  archMap: z.nullish(
    z.array(z.object({ architecture: word, subArchitectures: z.nullish(z.array(word)) })).check(z.maxLength(32)),
  ),
  flags: z.nullish(z.array(word)),
  syscalls: z.nullish(z.array(rule).check(z.maxLength(2000))),
});
type Profile = z.infer<typeof profileSchema>;
type Rule = z.infer<typeof rule>;

/** `linux.seccomp` of the OCI runtime spec (config-linux.md, "Seccomp"). */
export type OciSeccomp = {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly OciSyscallRule[];
};
type OciSyscallRule = {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly z.infer<typeof argument>[];
};

export type SeccompTarget = {
  /** Of the container, with CAP_. */
  readonly capabilities: readonly string[];
  /** As node says it: x64, arm64, … */
  readonly architecture: string;
  /** `uname -r` */
  readonly kernel: string;
};

/** Node's word, Go's word (docker's profiles use it), libseccomp's word. */
const architectures: Readonly<Record<string, readonly [string, string]>> = {
  x64: ["amd64", "SCMP_ARCH_X86_64"],
  arm64: ["arm64", "SCMP_ARCH_AARCH64"],
  ppc64: ["ppc64le", "SCMP_ARCH_PPC64LE"],
  s390x: ["s390x", "SCMP_ARCH_S390X"],
  riscv64: ["riscv64", "SCMP_ARCH_RISCV64"],
  loong64: ["loong64", "SCMP_ARCH_LOONGARCH64"],
};

const resolvedDefaults = new Map<string, OciSeccomp>();

/** The filter of a container, or null for unconfined. Fails with `invalid-argument` for a profile that can't be read. */
export function resolveSeccomp(choice: SeccompChoice, target: SeccompTarget): OciSeccomp | null {
  if (choice.kind === "unconfined") return null;
  if (choice.kind === "custom") return resolveProfile(parseProfile(choice.profile), target);
  const key = [target.architecture, target.kernel, ...[...target.capabilities].sort()].join(" ");
  const known = resolvedDefaults.get(key);
  if (known !== undefined) return known;
  const resolved = resolveProfile(profileSchema.parse(defaultProfile), target);
  // Every set of capabilities is a key: keep the memory bounded against an odd client.
  if (resolvedDefaults.size > 32) resolvedDefaults.clear();
  resolvedDefaults.set(key, resolved);
  return resolved;
}

function parseProfile(text: string): Profile {
  if (text.length > mostProfileBytes) throw invalid("it is longer than 1 MB", null);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  const parsed = profileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(z.prettifyError(parsed.error).split("\n").slice(0, 2).join(" "), parsed.error);
}

function resolveProfile(profile: Profile, target: SeccompTarget): OciSeccomp {
  const [goName, nativeArchitecture] = architectures[target.architecture] ?? [target.architecture, null];
  const applies = (entry: Rule) => isIncluded(entry, goName, target) && !isExcluded(entry, goName, target);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architecturesOf(profile, nativeArchitecture),
    ...(profile.flags == null ? {} : { flags: profile.flags }),
    syscalls: (profile.syscalls ?? []).filter(applies).flatMap(ociRule),
  };
}

function ociRule(entry: Rule): OciSyscallRule[] {
  const names = entry.names ?? (entry.name === undefined ? [] : [entry.name]);
  if (names.length === 0) return [];
  return [
    {
      names,
      action: entry.action,
      ...(entry.errnoRet === undefined ? {} : { errnoRet: entry.errnoRet }),
      ...(entry.args == null || entry.args.length === 0 ? {} : { args: entry.args }),
    },
  ];
}

function architecturesOf(profile: Profile, native: string | null): string[] {
  if (profile.architectures != null) return [...profile.architectures];
  if (native === null) return [];
  const entry = (profile.archMap ?? []).find((mapped) => mapped.architecture === native);
  return [native, ...(entry?.subArchitectures ?? [])];
}

function isIncluded({ includes }: Rule, architecture: string, target: SeccompTarget): boolean {
  if (includes == null) return true;
  const { caps = [], arches = [], minKernel } = includes;
  if (arches.length > 0 && !arches.includes(architecture)) return false;
  if (minKernel !== undefined && !isAtLeast(target.kernel, minKernel)) return false;
  return caps.every((capability) => target.capabilities.includes(capability));
}

function isExcluded({ excludes }: Rule, architecture: string, target: SeccompTarget): boolean {
  if (excludes == null) return false;
  const { caps = [], arches = [], minKernel } = excludes;
  if (arches.includes(architecture)) return true;
  if (minKernel !== undefined && isAtLeast(target.kernel, minKernel)) return true;
  return caps.some((capability) => target.capabilities.includes(capability));
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function invalid(reason: string, cause: unknown): EngineError {
  return new EngineError("invalid-argument", `seccomp profile cannot be used: ${reason}`, {
    cause,
    hint: "give the JSON text of a profile in docker's or the OCI's format",
    exitCode: 125,
  });
}
