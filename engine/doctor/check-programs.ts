import { open } from "node:fs/promises";
import type { Cgroups } from "../host/cgroups.ts";
import { tryCommand } from "../host/commands.ts";
import { findProgram } from "../host/programs.ts";
import { knownEscapes } from "../host/runtime-advisories.ts";
import { isStaticProgram } from "../lib/elf.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";

const managers = ["apt-get", "dnf", "zypper", "apk", "pacman"] as const;
type Manager = (typeof managers)[number];

const installCommands: Record<Manager, string> = {
  "apt-get": "apt-get install",
  dnf: "dnf install",
  zypper: "zypper install",
  apk: "apk add",
  pacman: "pacman -S",
};

type Wanted = {
  readonly name: string;
  /** Any of these does. */
  readonly programs: readonly string[];
  readonly versionArgs: readonly string[];
  readonly purpose: string;
  readonly isEssential: boolean;
  /** Package where it is not called like the program. */
  readonly packages?: Partial<Record<Manager, string>>;
};

const same = (name: string): Record<Manager, string> => ({
  "apt-get": name,
  dnf: name,
  zypper: name,
  apk: name,
  pacman: name,
});

const wanted: readonly Wanted[] = [
  {
    name: "conmon",
    programs: ["conmon"],
    versionArgs: ["--version"],
    purpose: "keeps containers alive",
    isEssential: true,
  },
  {
    name: "ip",
    programs: ["ip"],
    versionArgs: ["-V"],
    purpose: "makes interfaces",
    isEssential: true,
    packages: { ...same("iproute2"), dnf: "iproute" },
  },
  {
    name: "nft",
    programs: ["nft"],
    versionArgs: ["-v"],
    purpose: "publishes ports",
    isEssential: true,
    packages: same("nftables"),
  },
  {
    name: "unshare",
    programs: ["unshare"],
    versionArgs: ["--version"],
    purpose: "makes namespaces of users",
    isEssential: true,
    packages: same("util-linux"),
  },
  {
    name: "busybox",
    programs: ["busybox"],
    versionArgs: [],
    purpose: "is the starter image",
    isEssential: false,
    packages: { ...same("busybox-static"), dnf: "busybox", pacman: "busybox" },
  },
  {
    name: "init",
    programs: ["tini-static", "docker-init", "catatonit", "tini"],
    versionArgs: ["--version"],
    purpose: "is what --init runs",
    isEssential: false,
    packages: { ...same("catatonit"), "apt-get": "tini", apk: "tini" },
  },
];

/** conmon, ip, nft, … with their versions. */
export function checkPrograms(): Promise<Finding[]> {
  return Promise.all(wanted.map(checkProgram));
}

async function checkProgram(one: Wanted): Promise<Finding> {
  const program = one.programs.find((name) => findProgram(name) !== null);
  if (program !== undefined)
    return ok(one.name, `${findProgram(program)}, ${await versionOf(program, one.versionArgs)}`);
  const detail = `${one.programs.join(" or ")} not found: it ${one.purpose}`;
  const hint = installHint(one.packages ?? same(one.name));
  return one.isEssential ? failed(one.name, detail, hint) : warning(one.name, detail, hint);
}

/** The starter image holds nothing but busybox, so it must need no shared library. */
export async function checkStarterProgram(): Promise<Finding[]> {
  const path = findProgram("busybox");
  if (path === null) return [];
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  if (isStaticProgram(buffer.subarray(0, bytesRead))) return [];
  const busybox = wanted.find(({ name }) => name === "busybox");
  const hint = installHint(busybox?.packages ?? same("busybox"));
  return [warning("busybox", `${path} needs shared libraries: no starter image can be made of it`, hint)];
}

/** runc and crun; one that works is enough. */
export async function checkRuntimes(cgroups: Cgroups | null): Promise<Finding[]> {
  const checks = [checkRuntime("runc", null), checkRuntime("crun", crunRefusal(cgroups))];
  const findings = (await Promise.all(checks)).flat();
  if (findings.some(({ status }) => status === "ok")) return findings;
  return [...findings, failed("runtime", "neither runc nor crun can be used", installHint(same("runc")))];
}

async function checkRuntime(program: string, refusal: string | null): Promise<Finding[]> {
  if (findProgram(program) === null) return [warning(program, "not found", installHint(same(program)))];
  const result = await tryCommand(program, ["--version"]).catch(() => null);
  if (result === null || result.exitCode !== 0) {
    return [warning(program, `${findProgram(program)} does not run`, `reinstall the package ${program}`)];
  }
  const version = result.stdout.split("\n")[0]?.trim() ?? "";
  const escapes = knownEscapes(program, result.stdout);
  const told = escapes === null ? [] : [warning(`${program} safety`, escapes, updateHint(program))];
  if (refusal === null) return [ok(program, version), ...told];
  return [warning(program, `${version}: ${refusal}`, "runc is used instead; nothing needs doing")];
}

function updateHint(program: string): string {
  return `update the package ${program}, unless its changelog names them: distributions also fix older versions`;
}

/** crun takes a hybrid host only where the cgroup2 hierarchy holds no controller, as systemd sets it up. */
function crunRefusal(cgroups: Cgroups | null): string | null {
  const left = cgroups?.mode === "hybrid" ? (cgroups.findUnified()?.controllers ?? []) : [];
  if (left.length === 0) return null;
  return `refuses this host, where cgroups v1 stand beside a cgroup2 that holds ${left.join(", ")}`;
}

async function versionOf(program: string, args: readonly string[]): Promise<string> {
  const result = await tryCommand(program, args).catch(() => null);
  const text = result === null ? "" : result.stdout || result.stderr;
  const line = text.split("\n")[0] ?? "";
  return /v?\d+\.\d+[\w.+-]*/.exec(line)?.[0] ?? (line.trim() || "version unknown");
}

/** For the package manager of this host, or for all. */
function installHint(packages: Partial<Record<Manager, string>>): string {
  const here = managers.find((manager) => findProgram(manager) !== null);
  const chosen = here === undefined ? managers : [here];
  return chosen.map((manager) => `${installCommands[manager]} ${packages[manager]}`).join(", or ");
}
