import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../../config.ts";

/**
 * What the steps of an engine have outside of their file systems while they run:
 *
 *     <run>/steps/<id>/config.json   the bundle; beside it hosts, resolv.conf
 *     <run>/steps/<id>/cgroup        path of its cgroup
 *     <run>/steps/<id>/log           what the runtime complained of
 *     <run>/steps/<id>/secrets/      a file system in memory
 *     <run>/steps/<id>/agent-<n>     the socket of an ssh agent
 *     <run>/step-runtime/            the runtime's records
 *
 * The directory is there before anything else of the step and goes last, so that a sweep finds all by it.
 */
export class StepPlace {
  readonly id: string;
  readonly directory: string;

  constructor(config: Pick<EngineConfig, "run">, id: string) {
    this.id = id;
    this.directory = join(stepsDirectory(config), id);
  }

  path(name: "config.json" | "cgroup" | "log" | "hosts" | "resolv.conf" | "secrets"): string {
    return join(this.directory, name);
  }

  agentPath(index: number): string {
    return join(this.directory, `agent-${index}`);
  }

  async make(cgroupPath: string): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await writeFile(this.path("cgroup"), cgroupPath);
  }

  /** Empty where an engine was killed before it was written: then there is no cgroup yet. */
  cgroupPath(): Promise<string> {
    return readFile(this.path("cgroup"), "utf8").catch(() => "");
  }

  /** Nothing is mounted in it any more. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Ids of all steps of which something is left. */
export async function listSteps(config: Pick<EngineConfig, "run">): Promise<string[]> {
  const names = await readdir(stepsDirectory(config)).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** Apart from the containers' records: these are no containers that anybody lists. */
export function stepRuntimeRoot(config: Pick<EngineConfig, "run">): string {
  return join(config.run, "step-runtime");
}

function stepsDirectory({ run }: Pick<EngineConfig, "run">): string {
  return join(run, "steps");
}
