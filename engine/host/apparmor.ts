import { existsSync, readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { tryCommand } from "./commands.ts";
import { findProgram } from "./programs.ts";

const security = "/sys/kernel/security/apparmor";

/** Whether the kernel confines by AppArmor. Does not change while it runs. */
export function hasAppArmor(): boolean {
  enabled ??= textOf("/sys/module/apparmor/parameters/enabled").startsWith("Y") && existsSync(security);
  return enabled;
}
let enabled: boolean | null = null;

/** Names in the kernel's list: `name (mode)` a line. */
export function parseProfiles(text: string): Set<string> {
  return new Set(text.split("\n").flatMap((line) => /^(.+) \(\w+\)$/.exec(line)?.[1] ?? []));
}

export function isProfileLoaded(name: string): boolean {
  return parseProfiles(textOf(`${security}/profiles`)).has(name);
}

/** Files below /etc/apparmor.d that a profile may use. */
const includes = ["abi/3.0", "tunables/global", "abstractions/base"] as const;
export type ProfileInclude = (typeof includes)[number];

/**
 * The rules of docker-default under another name (apparmor.d(5)): everything is allowed but mounts, sockets into the kernel's ciphers, and
 * writes into what of /proc and /sys is the host's. `there`: which of the distribution's includes there are; without abi/3.0, `network`
 * of later versions would leave unix sockets out.
 */
export function formatProfile(name: string, there: ReadonlySet<ProfileInclude>): string {
  const peers = ["unconfined", "runc", "crun", "conmon"].map((peer) => `  signal (receive) peer=${peer},`);
  const proc = [
    "* w",
    // Directories of /proc that are neither processes' nor sys.
    "{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/** w",
    "sys/[^k]** w",
    "sys/kernel/{?,??,[^s][^h][^m]**} w",
    "sysrq-trigger rwklx",
    "kcore rwklx",
  ].map((rule) => `  deny @{PROC}/${rule},`);
  // All of /sys but /sys/fs/cgroup, letter by letter, since a deny cannot be taken back.
  const sys = ["[^f]*/** wklx", "f[^s]*/** wklx", "fs/[^c]*/** wklx", "fs/c[^g]*/** wklx", "fs/cg[^r]*/** wklx"];
  const hidden = ["firmware", "devices/virtual/powercap", "kernel/security"].map((path) => `${path}/** rwklx`);
  return [
    ...(there.has("abi/3.0") ? ["abi <abi/3.0>,"] : []),
    there.has("tunables/global") ? "#include <tunables/global>" : "@{PROC}=/proc/",
    `profile "${name}" flags=(attach_disconnected,mediate_deleted) {`,
    ...(there.has("abstractions/base") ? ["  #include <abstractions/base>"] : []),
    "  network,",
    "  deny network alg,",
    "  capability,",
    "  file,",
    "  umount,",
    ...peers,
    `  signal (send,receive) peer="${name}",`,
    ...proc,
    "  deny mount,",
    ...[...sys, ...hidden].map((rule) => `  deny /sys/${rule},`),
    `  ptrace (trace,read,tracedby,readby) peer="${name}",`,
    "}",
    "",
  ].join("\n");
}

/** Loads a profile of ours unless the kernel has it; it is gone with a reboot. Fails with `failed-precondition`. */
export async function ensureProfile(name: string): Promise<void> {
  if (isProfileLoaded(name)) return;
  const there = new Set(includes.filter((path) => existsSync(`/etc/apparmor.d/${path}`)));
  const result =
    findProgram("apparmor_parser") === null
      ? null
      : await tryCommand("apparmor_parser", ["-Kr"], { input: formatProfile(name, there), timeout: 30_000 });
  if (result?.exitCode === 0) return;
  const reason =
    result === null ? "apparmor_parser is not installed" : (result.stderr.trim().split("\n")[0] ?? "it was refused");
  throw new EngineError("failed-precondition", `AppArmor profile ${name} cannot be loaded: ${reason}`, {
    hint: "install the package apparmor, or use --security-opt apparmor=unconfined",
    exitCode: 125,
  });
}

/** Takes a profile of ours away again; a success if it is not there. */
export async function removeProfile(name: string): Promise<boolean> {
  if (!hasAppArmor() || !isProfileLoaded(name) || findProgram("apparmor_parser") === null) return false;
  return (await tryCommand("apparmor_parser", ["-R"], { input: `profile "${name}" {}\n` })).exitCode === 0;
}

type Wish = { readonly apparmor: string; readonly privileged: boolean };
type Known = { readonly available: boolean; readonly own: string; readonly isLoaded: (name: string) => boolean };

/**
 * docker's choice of a profile: its own unless one is named, none for a privileged container. Null: the kernel has no AppArmor, and nobody
 * asked for it. Fails with `failed-precondition` for a profile that cannot be had.
 */
export function chooseProfile(wish: Wish, known: Known): string | null {
  const { apparmor } = wish;
  if (!known.available) {
    if (apparmor === "" || apparmor === "unconfined") return null;
    throw new EngineError(
      "failed-precondition",
      `AppArmor profile ${apparmor} cannot be used: this host has no AppArmor`,
      {
        exitCode: 125,
      },
    );
  }
  if (apparmor === "") return wish.privileged ? "unconfined" : known.own;
  if (apparmor === "unconfined" || apparmor === known.own || known.isLoaded(apparmor)) return apparmor;
  throw new EngineError("failed-precondition", `AppArmor profile ${apparmor} is not loaded`, {
    hint: "load it with apparmor_parser -r FILE; aa-status lists what is there",
    exitCode: 125,
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
