import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readdir, readlink, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sweepSteps } from "./builder/run/sweep-steps.ts";
import type { EngineConfig } from "./config.ts";
import { tryLock } from "./database/file-lock.ts";
import { EngineError } from "./errors.ts";
import { removeProfile } from "./host/apparmor.ts";
import { openCgroups } from "./host/cgroups.ts";
import { tryCommand } from "./host/commands.ts";
import { listMounts } from "./host/mountinfo.ts";
import { unmount } from "./host/mounts.ts";
import { findByPidFile } from "./host/pid-file.ts";
import { identifyProcess, isAlive, signalProcess } from "./host/processes.ts";
import { findProgram } from "./host/programs.ts";
import { removeSocketLink } from "./host/socket-link.ts";
import { removeHostNetwork } from "./networks/remove-network.ts";

export type PurgeOptions = {
  /** Ends a running engine first; without it a running engine is a reason to refuse. */
  readonly force?: boolean;
};

const sigterm = 15;
const sigkill = 9;
/**
 * Any of these shows that a directory is an engine's; each has the lock from its first moment on. Other names are not ours alone: an OCI
 * layout has `blobs`, docker's own run directory `netns`.
 */
const marks = ["engine.lock", "gantry.db", "gantry.sock", "supervisors"];
/** What other programs own, wherever it lies. */
const forbidden = new Set(
  "/ /bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/local /var /var/lib /var/run /var/tmp".split(
    " ",
  ),
);

/**
 * Removes every trace of one engine from the host: containers, conmons, mounts, namespaces, bridge, rules, cgroups, and both
 * directories. Needs nothing to be whole, and may be run again. Gives a line for each thing removed. Fails with `failed-precondition`
 * while an engine runs (without force), `invalid-argument` for a directory that does not look like an engine's.
 */
export async function purge(config: EngineConfig, options: PurgeOptions = {}): Promise<string[]> {
  checkDirectory("root", config.root);
  checkDirectory("run", config.run);
  const removed: string[] = [];
  if (options.force === true) removed.push(...(await endEngine(config)));
  using _locks = lockDirectories(config);
  removed.push(
    ...(await endContainers(config)),
    ...(await endSteps(config)),
    ...(await endProcesses(config)),
    ...(await removeHostNetwork(config)),
    ...(await unmountBelow([config.root, config.run])),
    ...(await removeCgroups(config)),
    ...((await removeProfile(config.names.apparmorProfile))
      ? [`AppArmor profile ${config.names.apparmorProfile}`]
      : []),
  );
  const link = await removeSocketLink({ socket: config.dockerSocket, record: config.dockerLinkFile });
  if (link !== null) removed.push(`link ${link}`);
  for (const directory of [config.root, config.run]) {
    if (!existsSync(directory)) continue;
    await removeDirectory(directory);
    removed.push(`directory ${directory}`);
  }
  return removed;
}

/** One that is gone or empty is fine: an earlier purge got that far. So is the log of an engine that came no further than its start. */
function checkDirectory(name: string, path: string): void {
  const names = existsSync(path) ? readdirSync(path) : [];
  const isOurs = names.some((entry) => marks.includes(entry)) || names.every((entry) => /^engine\.log/.test(entry));
  if (!forbidden.has(path) && isOurs) return;
  throw new EngineError(
    "invalid-argument",
    `${name} directory ${path} does not look like one of gantry: nothing was removed`,
    {
      hint: "check --root and --run, and GANTRY_ROOT and GANTRY_RUN",
    },
  );
}

/** Keeps an engine from starting meanwhile. */
function lockDirectories(config: EngineConfig): Disposable {
  const held = new DisposableStack();
  for (const directory of [config.run, config.root].filter((path) => existsSync(path))) {
    const lock = tryLock(join(directory, "engine.lock"));
    if (lock === null) {
      held.dispose();
      throw new EngineError("failed-precondition", `an engine runs on ${directory}`, {
        hint: "stop it with `gantry engine stop`, or purge with --force",
      });
    }
    held.use(lock);
  }
  return held;
}

async function endEngine(config: EngineConfig): Promise<string[]> {
  const identity = findByPidFile(config.pidFile);
  if (identity === null) return [];
  signalProcess(identity, sigterm);
  for (const deadline = Date.now() + 10_000; isAlive(identity) && Date.now() < deadline; ) await sleep(20);
  signalProcess(identity, sigkill);
  for (const deadline = Date.now() + 2000; isAlive(identity) && Date.now() < deadline; ) await sleep(20);
  return [`engine (pid ${identity.pid})`];
}

/** By the runtime's own records under `<run>/runtime/<program>`; it also removes their cgroups. */
async function endContainers(config: EngineConfig): Promise<string[]> {
  const removed: string[] = [];
  for (const program of await listNames(join(config.run, "runtime"))) {
    if ((program !== "runc" && program !== "crun") || findProgram(program) === null) continue;
    const root = join(config.run, "runtime", program);
    for (const id of await listNames(root)) {
      await tryCommand(program, ["--root", root, "delete", "--force", id], { timeout: 30_000 }).catch(() => null);
      removed.push(`container ${id.slice(0, 12)}`);
    }
  }
  return removed;
}

/** Commands of builds, which may be in cgroups of a user's choice. What of them resists comes to light with the directories. */
async function endSteps(config: EngineConfig): Promise<string[]> {
  const cgroups = cgroupsOf();
  const steps = cgroups === null ? [] : await sweepSteps({ config, cgroups });
  return steps.map(({ id }) => `build step ${id.slice(0, 12)}`);
}

/** Whatever is still in our cgroups, where the runtime's records were lost, then the conmons. */
async function endProcesses(config: EngineConfig): Promise<string[]> {
  const conmons = await findConmons(config);
  const inside = await cgroupsOf()?.processesIn(`/${config.names.cgroupParent}`);
  const all = [...new Set([...(inside ?? []), ...conmons])].filter((pid) => pid !== process.pid);
  const identities = all.map(identifyProcess).filter((identity) => identity !== null);
  for (const identity of identities) signalProcess(identity, sigkill);
  for (const deadline = Date.now() + 5000; identities.some(isAlive) && Date.now() < deadline; ) await sleep(10);
  return identities.map(({ pid }) => `process ${pid}`);
}

/** conmons whose arguments name a file below one of our directories. */
async function findConmons(config: EngineConfig): Promise<number[]> {
  const pids = (await listNames("/proc")).filter((name) => /^\d+$/.test(name));
  const isOurs = async (pid: string) => {
    const program = await readlink(`/proc/${pid}/exe`).catch(() => "");
    if (!/\/conmon( \(deleted\))?$/.test(program)) return false;
    const args = readText(`/proc/${pid}/cmdline`).split("\0");
    return args.some((arg) => arg.startsWith(`${config.run}/`) || arg.startsWith(`${config.root}/`));
  };
  const checked = await Promise.all(pids.map(async (pid) => ((await isOurs(pid)) ? [Number(pid)] : [])));
  return checked.flat();
}

/** What was mounted last goes first. */
async function unmountBelow(directories: readonly string[]): Promise<string[]> {
  const isBelow = (target: string) => directories.some((directory) => target.startsWith(`${directory}/`));
  const targets = listMounts()
    .map(({ target }) => target)
    .filter(isBelow)
    .reverse();
  for (const target of targets) await unmount(target);
  return targets.map((target) => `mount ${target}`);
}

async function removeCgroups(config: EngineConfig): Promise<string[]> {
  const { cgroupParent } = config.names;
  const cgroups = cgroupsOf();
  const isThere = cgroups?.directoriesOf(`/${cgroupParent}`).some((directory) => existsSync(directory)) ?? false;
  if (isThere) await cgroups?.remove(`/${cgroupParent}`, 5000);
  const strays = await removeStrayDirectories(cgroupParent);
  return isThere || strays ? [`cgroup ${cgroupParent}`] : [];
}

/** On a hybrid host crun makes plain directories on the tmpfs where it expects the v1 hierarchy of a controller that v2 holds. */
async function removeStrayDirectories(cgroupParent: string): Promise<boolean> {
  const base = "/sys/fs/cgroup";
  const mounts = listMounts();
  const isTmpfs = mounts.some(({ target, type }) => target === base && type === "tmpfs");
  const entries = isTmpfs ? await readdir(base, { withFileTypes: true }) : [];
  let isFound = false;
  for (const entry of entries.filter((one) => one.isDirectory())) {
    const directory = join(base, entry.name);
    const stray = join(directory, cgroupParent);
    if (mounts.some(({ target }) => target === directory) || !existsSync(stray)) continue;
    await rm(stray, { recursive: true, force: true });
    // crun made this one, too; it stays where something else is in it.
    await rmdir(directory).catch(() => {});
    isFound = true;
  }
  return isFound;
}

function cgroupsOf() {
  try {
    return openCgroups();
  } catch {
    return null;
  }
}

/** Never into a mount that could not be taken away: it may show the host's own files (a bind mount of a volume). */
async function removeDirectory(directory: string): Promise<void> {
  const left = listMounts().find(({ target }) => target.startsWith(`${directory}/`));
  if (left !== undefined) {
    throw new EngineError("failed-precondition", `${left.target} is still mounted: ${directory} was not deleted`, {
      hint: "unmount it by hand and purge again",
    });
  }
  // What shows that the directory is ours goes last, so that a purge that was interrupted can be run again.
  const names = (await listNames(directory)).filter((name) => name !== "engine.lock");
  for (const name of names) await rm(join(directory, name), { recursive: true, force: true });
  await rm(join(directory, "engine.lock"), { force: true });
  // Where it is a file system of its own, the empty mount point stays.
  if (!listMounts().some(({ target }) => target === directory)) await rm(directory, { recursive: true, force: true });
}

async function listNames(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
