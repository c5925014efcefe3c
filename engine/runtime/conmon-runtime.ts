import { mkdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import { CgroupTurn } from "../host/cgroup-turn.ts";
import { type Cgroups, openCgroups } from "../host/cgroups.ts";
import type { Resources } from "../protocol/resources.ts";
import { AttachHub } from "./attach/attach-hub.ts";
import { type CheckpointOptions, checkCriu, takeCheckpoint } from "./checkpoint.ts";
import { CompiledFilters } from "./compiled-filters.ts";
import { StartingConmon } from "./conmon.ts";
import type {
  AttachSession,
  ContainerRuntime,
  ExecOptions,
  ExecSession,
  ExitRecord,
  LaunchedProcess,
  LaunchOptions,
  RuntimeSpec,
  RuntimeState,
} from "./container-runtime.ts";
import { CreationWatch } from "./creation-watch.ts";
import { endStrays } from "./end-strays.ts";
import { startExec, sweepExecs } from "./exec.ts";
import { openExecFifo, tellExecFifo } from "./exec-fifo.ts";
import { ExitWatch } from "./exit-watch.ts";
import { launchArguments } from "./launch-arguments.ts";
import { updateLimits } from "./live-limits.ts";
import { MadeCgroups } from "./made-cgroups.ts";
import { awaitProgram } from "./program-start.ts";
import { runtimeError } from "./runtime-errors.ts";
import { isUnknown, type RuntimeName, RuntimeProgram, runtimeNames } from "./runtime-program.ts";
import { chooseRuntime } from "./self-test.ts";
import { Supervisors } from "./supervisors.ts";

const deadline = 60_000;
const sigkill = 9;

export type RuntimeOptions = { readonly config: EngineConfig; readonly preferred?: RuntimeName };

/** Chooses the runtime program by a self-test, unless told, and takes up what runs already under `<run>`. */
export async function openContainerRuntime({ config, preferred }: RuntimeOptions): Promise<ContainerRuntime> {
  await mkdir(config.run, { recursive: true, mode: 0o711 });
  const program = await chooseRuntime(config, preferred);
  const { version, knownEscapes } = await program.version();
  await sweepExecs(config.run);
  const cgroups = openCgroups();
  const supervisors = new Supervisors(config.run, config.names.cgroupParent, cgroups);
  return new ConmonRuntime({ config, program, version, knownEscapes, cgroups, supervisors });
}

type Parts = {
  readonly config: EngineConfig;
  readonly program: RuntimeProgram;
  readonly version: string;
  readonly knownEscapes: string | null;
  readonly cgroups: Cgroups;
  readonly supervisors: Supervisors;
};

class ConmonRuntime implements ContainerRuntime {
  readonly program: RuntimeName;
  readonly version: string;
  readonly knownEscapes: string | null;
  readonly #run: string;
  readonly #chosen: RuntimeProgram;
  readonly #programs: readonly RuntimeProgram[];
  readonly #cgroups: Cgroups;
  readonly #supervisors: Supervisors;
  readonly #made: MadeCgroups;
  readonly #exits: ExitWatch;
  readonly #turn: CgroupTurn;
  readonly #hub = new AttachHub();
  readonly #filters = new CompiledFilters();

  constructor({ config, program, version, knownEscapes, cgroups, supervisors }: Parts) {
    this.program = program.name;
    this.version = version;
    this.knownEscapes = knownEscapes;
    this.#run = config.run;
    this.#chosen = program;
    this.#programs = runtimeNames.map((name) =>
      name === program.name ? program : new RuntimeProgram(name, config.run),
    );
    this.#cgroups = cgroups;
    this.#turn = new CgroupTurn(cgroups);
    this.#supervisors = supervisors;
    this.#made = new MadeCgroups(config.run, cgroups);
    this.#exits = new ExitWatch(config.run, supervisors, (bundle) => this.#hub.drain(bundle));
  }

  expectProcess(): void {
    this.#turn.prepare();
  }

  formatSpec(id: string, spec: RuntimeSpec, runtime = ""): string {
    const isCrun = this.#programNamed(runtime).name === "crun";
    return JSON.stringify(isCrun ? this.#filters.addTo(id, spec) : spec);
  }

  async create(options: LaunchOptions): Promise<LaunchedProcess> {
    const { id, bundle } = options;
    const program = this.#programNamed(options.runtime ?? "");
    this.#exits.forget(id);
    const [directory] = await Promise.all([this.#supervisors.prepare(id, options.cgroupPath), removeSockets(bundle)]);
    if (options.cgroupPath !== undefined) await this.#made.note(options.cgroupPath);
    using conmon = await StartingConmon.start({
      args: launchArguments(options, { program, directory, exitDirectory: this.#exits.directory }),
      cwd: directory,
      tellsAttach: false,
    });
    using watch = new CreationWatch(() => this.#supervisors.findConmon(id));
    try {
      conmon.release();
      conmon.close();
      options.onBegun?.();
      const report = await Promise.race([conmon.sync.next(deadline), watch.lost]);
      if (report === null) throw runtimeError("create container", watch.complaint ?? conmon.complaint());
      if (report.data < 0) throw runtimeError("create container", report.message ?? "", await commandOf(bundle));
      const conmonPid = this.#supervisors.findConmon(id);
      if (conmonPid === null) throw runtimeError("create container", "conmon has gone");
      this.#exits.expect(id);
      void this.#supervisors.leaveEngineCgroup(conmonPid);
      void this.#filters.learn(id, program.root);
      return { pid: report.data, conmonPid };
    } catch (error) {
      await this.#undoCreate(id, bundle);
      throw error;
    }
  }

  async start(id: string): Promise<void> {
    const program = this.#programOf(id);
    const isAlive = () => this.#supervisors.findProcess(id) !== null;
    const record = join(program.root, id);
    if (program.name === "runc" ? await openExecFifo(record, isAlive) : tellExecFifo(record)) return;
    await program.run(`start container ${shortID(id)}`, ["start", id]);
  }

  async kill(id: string, signal: number, all: boolean): Promise<void> {
    if (all) {
      const result = await this.#programOf(id).try(["kill", "--all", id, String(signal)]);
      if (result.exitCode !== 0 && !isUnknown(result) && this.#supervisors.findProcess(id) !== null) {
        throw runtimeError(`kill container ${shortID(id)}`, result.stderr);
      }
    } else {
      await this.#signalMain(id, signal);
    }
    if (signal === sigkill) await this.#thaw(id);
    this.#exits.hurry();
  }

  async pause(id: string): Promise<void> {
    await this.#awaitProgram(id);
    await this.#programOf(id).run(`pause container ${shortID(id)}`, ["pause", id]);
  }

  async resume(id: string): Promise<void> {
    await this.#programOf(id).run(`resume container ${shortID(id)}`, ["resume", id]);
  }

  update(
    id: string,
    resources: Resources,
    options: { readonly whole?: boolean } = {},
  ): Promise<{ warnings: string[] }> {
    const live = { cgroups: this.#cgroups, cgroupPath: this.#supervisors.cgroupPathOf(id), container: shortID(id) };
    return updateLimits(live, resources, options.whole ?? false);
  }

  checkCheckpoints(): Promise<void> {
    return checkCriu();
  }

  checkpoint(id: string, options: CheckpointOptions): Promise<void> {
    return takeCheckpoint(this.#programOf(id), id, options);
  }

  async delete(id: string): Promise<void> {
    await this.#thaw(id);
    for (const program of this.#programs) {
      if (program.knows(id) && !(await this.#dropEnded(program, id))) await program.delete(id);
    }
    this.#exits.hurry();
    // Its exit record is written by now, or never will be.
    await this.#supervisors.awaitConmonGone(id, 3000);
    await this.#removeCgroup(id);
    const exit = this.#exits.find(id);
    if (exit?.oomKilled !== true) this.#supervisors.remove(id);
  }

  async state(id: string): Promise<RuntimeState | null> {
    return this.#programOf(id).state(id);
  }

  isFrozen(id: string): boolean {
    return this.#cgroups.isFrozen(this.#supervisors.cgroupPathOf(id));
  }

  async list(): Promise<readonly string[]> {
    const lists = await Promise.all(this.#programs.map((program) => program.list()));
    return lists.flat();
  }

  endStrays(living: readonly string[]): Promise<void> {
    const alive = new Set(living);
    const directories = { exits: this.#exits.directory, runtimes: join(this.#run, "runtime") };
    return endStrays(directories, (id) => alive.has(id));
  }

  attach(bundle: string): Promise<AttachSession> {
    return this.#hub.open(bundle);
  }

  async exec(options: ExecOptions): Promise<ExecSession> {
    this.#turn.prepare();
    const program = this.#programOf(options.container);
    return startExec({ run: this.#run, program, supervisors: this.#supervisors, hub: this.#hub }, options);
  }

  async processes(id: string): Promise<readonly number[]> {
    return this.#cgroups.processesIn(this.#supervisors.cgroupPathOf(id));
  }

  onExit(listener: (exit: ExitRecord) => void): void {
    this.#exits.begin(listener, this.#supervisors.list());
  }

  findExit(id: string): ExitRecord | null {
    return this.#exits.find(id);
  }

  forget(id: string): void {
    this.#exits.forget(id);
    this.#filters.forget(id);
    if (this.#programs.some((program) => program.knows(id))) return;
    this.#supervisors.remove(id);
  }

  isSupervised(id: string): boolean {
    return this.#supervisors.findConmon(id) !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#exits[Symbol.dispose]();
    await this.#hub[Symbol.asyncDispose]();
    await this.#supervisors.removeEmptyCgroups();
  }

  /** The engine may have been started with another runtime than the one a container was made by. */
  #programOf(id: string): RuntimeProgram {
    return this.#programs.find((program) => program.knows(id)) ?? this.#chosen;
  }

  /** A container may ask for another one than the engine's choice. */
  #programNamed(name: string): RuntimeProgram {
    if (name === "") return this.#chosen;
    const found = this.#programs.find((program) => program.name === name);
    if (found !== undefined) return found;
    throw new EngineError("invalid-argument", `runtime ${JSON.stringify(name)} is not known`, {
      hint: `one of ${runtimeNames.join(", ")}`,
      exitCode: 125,
    });
  }

  async #undoCreate(id: string, bundle: string): Promise<void> {
    const conmon = this.#supervisors.findConmon(id);
    if (conmon !== null) process.kill(conmon, "SIGKILL");
    await this.#programOf(id)
      .delete(id)
      .catch(() => {});
    await this.#removeCgroup(id).catch(() => {});
    this.#supervisors.remove(id);
    this.#exits.forget(id);
    this.#filters.forget(id);
    await removeSockets(bundle);
  }

  async #awaitProgram(id: string): Promise<void> {
    const pid = this.#supervisors.findProcess(id);
    if (pid !== null) await awaitProgram(pid);
  }

  async #signalMain(id: string, signal: number): Promise<void> {
    if (signal !== sigkill) await this.#awaitProgram(id);
    const pid = this.#supervisors.findProcess(id);
    if (pid === null) return;
    try {
      process.kill(pid, signal);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ESRCH") return;
      throw new EngineError("internal", `send signal ${signal} to container ${shortID(id)}`, { cause });
    }
  }

  /**
   * What the runtime's own `delete` does for a container that has ended, without the time of another program: its cgroups are removed,
   * which the kernel refuses while anything is in them, then its record. False: that is not how it stands.
   */
  async #dropEnded(program: RuntimeProgram, id: string): Promise<boolean> {
    if (this.#supervisors.findProcess(id) !== null) return false;
    if (!(await this.#cgroups.tryRemove(this.#supervisors.cgroupPathOf(id)))) return false;
    await program.forget(id);
    return true;
  }

  async #removeCgroup(id: string): Promise<void> {
    const path = this.#supervisors.cgroupPathOf(id);
    await this.#cgroups.remove(path);
    if (!this.#supervisors.isUsual(path)) await this.#made.tidy(path);
  }

  /** A process frozen by the v1 freezer does not even take SIGKILL. */
  async #thaw(id: string): Promise<void> {
    const directory = this.#cgroups.pathOf("freezer", this.#supervisors.cgroupPathOf(id));
    if (directory !== null) await writeFile(join(directory, "freezer.state"), "THAWED").catch(() => {});
  }
}

/** What an earlier conmon left would stand in the way of the next one. */
async function removeSockets(bundle: string): Promise<void> {
  const sockets = ["attach", "ctl", "winsz"].map((name) => unlink(join(bundle, name)).catch(() => {}));
  await Promise.all([...sockets, rm(join(bundle, "artifacts"), { recursive: true, force: true })]);
}

/** For the message of a failed start. */
async function commandOf(bundle: string): Promise<string | null> {
  const config: unknown = JSON.parse(await readFile(join(bundle, "config.json"), "utf8"));
  const args = (config as { process?: { args?: unknown } }).process?.args;
  return Array.isArray(args) && typeof args[0] === "string" ? args[0] : null;
}

function shortID(id: string): string {
  return id.slice(0, 12);
}
