import { mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { chown, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { readOwnCapabilities } from "../host/capabilities.ts";
import { patientDisk } from "../host/patient-disk.ts";
import { identifyProcess } from "../host/processes.ts";
import type { AttachHub } from "./attach/attach-hub.ts";
import { StartingConmon } from "./conmon.ts";
import type { ExecOptions, ExecSession } from "./container-runtime.ts";
import { endUnborn, killSession } from "./end-exec.ts";
import { runtimeError } from "./runtime-errors.ts";
import type { RuntimeProgram } from "./runtime-program.ts";
import { capabilitySets } from "./spec/capabilities.ts";
import { checkWorkingDirectory, mergeEnvironment } from "./spec/command.ts";
import { refuseLeadingOut } from "./spec/rootfs-checks.ts";
import type { ResolvedUser } from "./spec/types.ts";
import { resolveUser } from "./spec/user.ts";
import { isConmonOf, type Supervisors } from "./supervisors.ts";

const deadline = 30_000;
/** Milliseconds. */
const shortSession = 500;
const sweepInterval = 10_000;
/** How long, and how often, it is looked whether a container ends in which something could not be run. */
const endPatience = 1_000;
const endInterval = 20;

/** The part of a container's config.json that its further processes share. */
const configSchema = z.object({
  process: z.looseObject({
    user: z.looseObject({ uid: z.number(), gid: z.number() }),
    env: z.optional(z.array(z.string())),
    cwd: z.string(),
    capabilities: z.optional(z.looseObject({ bounding: z.optional(z.array(z.string())) })),
  }),
  linux: z.looseObject({ uidMappings: z.optional(z.array(z.looseObject({ hostID: z.number() }))) }),
});
type ContainerProcess = z.infer<typeof configSchema>["process"];

export type ExecPlace = {
  readonly run: string;
  readonly program: RuntimeProgram;
  readonly supervisors: Supervisors;
  readonly hub: AttachHub;
};

/**
 * Runs a further process in a container, under a conmon of its own in `<run>/exec/<exec id>/`, which goes when it has ended. The
 * session is connected and the terminal has its size before the process starts, so no output is lost. What is written and removed lies in
 * memory and takes less time than to ask another thread for it.
 */
export async function startExec(place: ExecPlace, options: ExecOptions): Promise<ExecSession> {
  const directory = join(place.run, "exec", options.execID);
  const cleanUp = () => removeDirectory(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    const specPath = join(directory, "process.json");
    const wanted = processOf(place, options);
    // It is awaited below.
    wanted.catch(() => {});
    const conmon = await StartingConmon.start({
      args: execArguments(place, options, { directory, specPath }),
      cwd: directory,
      tellsAttach: true,
    });
    try {
      const { process, root } = await wanted;
      writeFileSync(specPath, JSON.stringify(process), { mode: 0o600 });
      return await connect(place, options, { conmon, directory, root, cleanUp });
    } catch (error) {
      conmon[Symbol.dispose]();
      await endUnborn(directory, options.execID, conmon.pid);
      throw error;
    }
  } catch (error) {
    await cleanUp();
    throw withExecCode(await endedMeanwhile(error, () => place.supervisors.findProcess(options.container) === null));
  }
}

/** One file after the other: conmon takes its own away at the same time, which rmSync() would leave the rest for. */
async function removeDirectory(directory: string): Promise<void> {
  try {
    for (const name of readdirSync(directory)) unlinkSync(join(directory, name));
    rmdirSync(directory);
  } catch {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * A runtime has many words for what it cannot do in a container whose first process has just gone, or is about to: the kernel ends all
 * other processes of a pid namespace before that one (pid_namespaces(7)).
 */
async function endedMeanwhile(error: unknown, hasEnded: () => boolean): Promise<unknown> {
  if (!(error instanceof EngineError) || error.code !== "internal") return error;
  for (const until = performance.now() + endPatience; !hasEnded(); await sleep(endInterval)) {
    if (performance.now() > until) return error;
  }
  return new EngineError("failed-precondition", `${error.message} (the container has ended)`, {
    cause: error,
    exitCode: error.exitCode,
  });
}

/** docker has 125 for a container that cannot be made, and 126 for a command that cannot be run in one that is there. */
function withExecCode(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.exitCode !== 125) return error;
  const { code, message, hint } = error;
  return new EngineError(code, message, { cause: error, hint, exitCode: 126 });
}

/** Directories of sessions that ended while no engine looked. */
export async function sweepExecs(run: string): Promise<void> {
  await sweep(run, await readdir(join(run, "exec")).catch(() => []));
}

/** Those of an earlier engine that still run are looked at again, seldom: nobody else would clear up after them. */
async function sweep(run: string, execIDs: readonly string[]): Promise<void> {
  const left: string[] = [];
  for (const execID of execIDs) {
    if ((await conmonOf(run, execID)) !== null) left.push(execID);
    else await rm(join(run, "exec", execID), { recursive: true, force: true }).catch(() => {});
  }
  if (left.length > 0) setTimeout(() => void sweep(run, left), sweepInterval).unref();
}

/** The OCI process object: what the container's first process has, with the wishes of the exec. */
function buildExecProcess(
  base: ContainerProcess,
  options: ExecOptions,
  given: { readonly user: ResolvedUser | null; readonly available: readonly string[] },
): Record<string, unknown> {
  const user = given.user ?? base.user;
  const capabilities = options.privileged ? given.available : (base.capabilities?.bounding ?? []);
  const withTerminal = options.terminal ? ["TERM=xterm"] : [];
  return {
    ...base,
    terminal: options.terminal,
    ...(options.terminal && options.rows !== null && options.columns !== null
      ? { consoleSize: { height: options.rows, width: options.columns } }
      : {}),
    user,
    args: options.command,
    env: mergeEnvironment(withTerminal, base.env ?? [], options.environment),
    cwd: options.workingDirectory === null ? base.cwd : checkWorkingDirectory(options.workingDirectory),
    capabilities: capabilitySets(capabilities, user.uid),
  };
}

/** root: who the container's root is on the host, where that is nobody; else null. */
type Wanted = { readonly process: Record<string, unknown>; readonly root: number | null };

async function processOf({ supervisors }: ExecPlace, options: ExecOptions): Promise<Wanted> {
  if (options.command.length === 0) {
    throw new EngineError("invalid-argument", "no command to run", { exitCode: 125 });
  }
  const text = await readFile(join(options.bundle, "config.json"), "utf8");
  const config = configSchema.parse(JSON.parse(text));
  const pid = supervisors.findProcess(options.container);
  if (pid === null) {
    throw new EngineError("failed-precondition", `container ${options.container} is not running`);
  }
  const user = await lookInside(`/proc/${pid}/root`, options, config.process.cwd);
  const process = buildExecProcess(config.process, options, { user, available: readOwnCapabilities() });
  return { process, root: config.linux.uidMappings?.[0]?.hostID ?? null };
}

/** The user that is wanted, if any. What is mounted in the container may be a server's that does not answer. */
function lookInside(
  root: string,
  { container, workingDirectory, user }: ExecOptions,
  ownDirectory: string,
): Promise<ResolvedUser | null> {
  const directory = workingDirectory ?? ownDirectory;
  // Nothing to look at: what hangs elsewhere is no matter.
  if (user === null && directory === "/") return Promise.resolve(null);
  const look = async () => {
    await refuseLeadingOut(root, directory);
    return user === null ? null : await resolveUser(root, user, []);
  };
  return patientDisk.ask(root, look, {
    subject: `files in container ${container.slice(0, 12)}`,
    place: `container ${container}`,
  });
}

function execArguments(
  { program }: ExecPlace,
  options: ExecOptions,
  paths: { readonly directory: string; readonly specPath: string },
): string[] {
  const runtimeArguments = ["--root", program.root].flatMap((argument) => ["--runtime-arg", argument]);
  return [
    ...["--api-version", "1", "-c", options.container, "-u", options.execID, "-n", options.container],
    ...["-r", program.path, ...runtimeArguments, "-b", paths.directory, "-p", join(paths.directory, "pid")],
    ...["--conmon-pidfile", join(paths.directory, "conmon.pid"), "-l", "none", "--full-attach", "--log-level", "error"],
    ...["-e", "--exec-attach", "--exec-process-spec", paths.specPath],
    ...(options.terminal ? ["-t"] : []),
    ...(options.openStdin ? ["-i"] : []),
    ...(options.limit === undefined ? [] : ["-T", String(options.limit)]),
  ];
}

type Started = {
  readonly conmon: StartingConmon;
  readonly directory: string;
  readonly root: number | null;
  readonly cleanUp: () => Promise<void>;
};

async function connect(place: ExecPlace, options: ExecOptions, started: Started): Promise<ExecSession> {
  const { conmon, directory, root, cleanUp } = started;
  const doing = `exec in container ${options.container.slice(0, 12)}`;
  conmon.release();
  if ((await conmon.attach?.next(deadline)) == null) throw runtimeError(doing, conmon.complaint());
  const attached = await place.hub.open(directory);
  try {
    if (options.terminal && options.rows !== null && options.columns !== null) {
      await attached.resize(options.rows, options.columns);
    }
    if (root !== null) await givePipes(place.run, options.execID, root);
    conmon.release();
    conmon.close();
    const report = await conmon.sync.next(deadline);
    if (report === null) throw runtimeError(doing, conmon.complaint());
    if (report.data < 0) throw runtimeError(doing, report.message ?? "", options.command[0] ?? null);
    const exitCode = exitCodeOf(conmon, cleanUp);
    leaveEngineCgroupLater(place, options.execID, exitCode);
    const process = identifyProcess(report.data);
    return { pid: report.data, attached, exitCode, kill: () => killSession(process) };
  } catch (error) {
    await attached[Symbol.asyncDispose]();
    throw error;
  }
}

/** As for a container's own: its root may open its standard streams by name. conmon has made them by now, and waits. */
async function givePipes(run: string, execID: string, root: number): Promise<void> {
  const descriptors = `/proc/${await conmonOf(run, execID)}/fd`;
  for (const name of await readdir(descriptors).catch(() => [])) {
    const path = join(descriptors, name);
    const isPipe = (await readlink(path).catch(() => "")).startsWith("pipe:");
    if (isPipe) await chown(path, root, root).catch(() => {});
  }
}

/** A session that lasts outlives a service manager's end of the engine, as a container does; the move would slow a short one. */
function leaveEngineCgroupLater({ run, supervisors }: ExecPlace, execID: string, end: Promise<unknown>): void {
  const leave = async () => {
    const pid = await conmonOf(run, execID);
    if (pid !== null) await supervisors.leaveEngineCgroup(pid);
  };
  const timer = setTimeout(leave, shortSession).unref();
  const cancel = () => clearTimeout(timer);
  end.then(cancel, cancel);
}

/** Null where it has ended. */
async function conmonOf(run: string, execID: string): Promise<number | null> {
  const pid = Number(await readFile(join(run, "exec", execID, "conmon.pid"), "latin1").catch(() => ""));
  return pid > 1 && isConmonOf(pid, execID) ? pid : null;
}

async function exitCodeOf(conmon: StartingConmon, cleanUp: () => Promise<void>): Promise<number> {
  try {
    const report = await conmon.sync.next(null);
    // conmon was killed: nobody knows how the process ended.
    return report === null || report.data < 0 ? 137 : report.data;
  } finally {
    conmon.sync.close();
    // Whoever waits for the end is told first: a disk below takes a while. What is left over goes with the engine's next start.
    setImmediate(() => void cleanUp().catch(() => {}));
  }
}
