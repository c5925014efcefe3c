import type { EngineConfig } from "../../config.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { type Cgroups, openCgroups } from "../../host/cgroups.ts";
import { countsOutOfMemory } from "../../host/oom-count.ts";
import type { Log } from "../../log.ts";
import type { NetworkService, Sandbox } from "../../networks/network-service.ts";
import type { ContainerRuntime } from "../../runtime/container-runtime.ts";
import { MadeCgroups } from "../../runtime/made-cgroups.ts";
import { cgroupParentPath } from "../../runtime/spec/cgroup-parent.ts";
import { clearStep } from "./clear-step.ts";
import { endCgroup } from "./end-processes.ts";
import { writeStepBundle } from "./step-bundle.ts";
import { prepareMounts } from "./step-mounts.ts";
import { StepPlace, stepRuntimeRoot } from "./step-place.ts";
import { runStepCommand } from "./step-process.ts";
import type { StepEnd, StepRunner, StepWish, StepWork } from "./step-runner.ts";
import { sweepSteps } from "./sweep-steps.ts";

export type StepRunnerOptions = {
  readonly config: EngineConfig;
  /** Tells which program runs containers here, and how. */
  readonly runtime: Pick<ContainerRuntime, "program" | "expectProcess" | "formatSpec" | "forget">;
  readonly networks: Pick<NetworkService, "reserve" | "release">;
  readonly log: Log;
};

export function openStepRunner(options: StepRunnerOptions): Promise<StepRunner> {
  return Promise.resolve(new LocalStepRunner(options));
}

class LocalStepRunner implements StepRunner {
  readonly #options: StepRunnerOptions;
  readonly #cgroups: Cgroups;
  readonly #made: MadeCgroups;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.#cgroups = openCgroups();
    this.#made = new MadeCgroups(options.config.run, this.#cgroups);
  }

  async run(wish: StepWish, work: StepWork): Promise<StepEnd> {
    const { config, runtime } = this.#options;
    this.#refuseAborted(work);
    runtime.expectProcess();
    const cgroupPath = `${cgroupParentPath(config, wish.cgroupParent)}/${wish.id}`;
    const place = new StepPlace(config, wish.id);
    await using undo = new AsyncDisposableStack();
    undo.defer(() => this.#clear(place, cgroupPath));
    undo.defer(() => runtime.forget(wish.id));
    await place.make(cgroupPath);
    if (wish.cgroupParent !== "") await this.#made.note(cgroupPath);
    const mounts = undo.use(await prepareMounts(place, wish.mounts));
    const sandbox = undo.use(await this.#connect(wish));
    const { mountPoints, warnings } = await writeStepBundle(config, wish, {
      place,
      sandbox: sandbox.sandbox,
      mounts: mounts.list,
      cgroupsPath: this.#cgroupsPathOf(cgroupPath),
      formatSpec: (spec) => runtime.formatSpec(wish.id, spec),
    });
    for (const warning of warnings) await work.onOutput(2, Buffer.from(`warning: ${warning}\n`));
    await sandbox.established;
    this.#refuseAborted(work);
    // Before its mounts and its network are taken away.
    undo.defer(() => this.#end(wish.id, cgroupPath));
    const exitCode = await this.#execute(wish, place, work);
    return { exitCode, oomKilled: countsOutOfMemory(this.#cgroups, cgroupPath), mountPoints };
  }

  async sweep(): Promise<void> {
    const { config, log } = this.#options;
    const cleared = await sweepSteps({ config, cgroups: this.#cgroups });
    for (const { id, error } of cleared) {
      if (error === null) log.info("a step of a build that was cut off is cleared away", { id });
      else log.error("a step of a build that was cut off cannot be cleared away", { id, error });
    }
  }

  #execute({ id, args }: StepWish, place: StepPlace, work: StepWork): Promise<number> {
    const { config, runtime } = this.#options;
    return runStepCommand(
      {
        program: runtime.program,
        root: stepRuntimeRoot(config),
        id,
        bundle: place.directory,
        log: place.path("log"),
        command: args[0] ?? "",
      },
      work,
    );
  }

  /** crun removes a cgroup at the end, with its counts; v2 adds them up in the one above. */
  #cgroupsPathOf(cgroupPath: string): string {
    return this.#options.runtime.program === "runc" ? cgroupPath : `${cgroupPath}/step`;
  }

  async #connect({ id, network }: StepWish): Promise<Connection> {
    const { networks } = this.#options;
    if (network === "host")
      return { sandbox: null, established: Promise.resolve(), [Symbol.asyncDispose]: async () => {} };
    const isNone = network === "none";
    const name = network === "default" || network === "" ? "bridge" : network;
    const { sandbox, establish } = await networks.reserve({
      container: id,
      containerName: "",
      hostname: "",
      isTransient: true,
      mode: isNone ? "none" : "networks",
      endpoints: isNone ? [] : [{ network: name, settings: { aliases: [] } }],
      ports: [],
    });
    const established = establish();
    // It is told when it is waited for.
    established.catch(() => {});
    return { sandbox, established, [Symbol.asyncDispose]: () => this.#guard(id, () => networks.release(id)) };
  }

  #end(id: string, cgroupPath: string): Promise<void> {
    return this.#guard(id, () => endCgroup(this.#cgroups, cgroupPath));
  }

  /** All that a step has outside of its file system, whatever came of it. Mounts are gone by then. */
  #clear(place: StepPlace, cgroupPath: string): Promise<void> {
    const { config } = this.#options;
    return this.#guard(place.id, () => clearStep({ config, cgroups: this.#cgroups }, place, cgroupPath));
  }

  /** What cannot be taken away does not change how the command ended; the next start tries again. */
  async #guard(id: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log.error("what a step of a build has left cannot be taken away", { id, error: messageOf(error) });
    }
  }

  #refuseAborted({ signal }: StepWork): void {
    if (signal.aborted) throw new EngineError("cancelled", "the command was cancelled");
  }
}

type Connection = AsyncDisposable & { readonly sandbox: Sandbox | null; readonly established: Promise<void> };
