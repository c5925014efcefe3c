import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../../config.ts";

/**
 * What the steps of an engine have outside of their file systems while they run:
 *
 *     <run>/steps/<id>/config.json   the bundle; beside it hosts, hostname, resolv.conf
 *     <run>/steps/<id>/cgroup        path of its cgroup
 *     <run>/steps/<id>/log           what the runtime complained of
 *     <run>/steps/<id>/secrets/      a tmpfs of its own; sockets of ssh agents lie beside it: ssh-0, ssh-1, …
 *     <run>/step-runtime/            the runtime's records
 *     <root>/build/scratch/<id>/     what is written into bind mounts, thrown away with the step
 *
 * The directory is there before anything else of the step and goes last, so that a sweep finds all by it.
 */
export class StepPlace {
  readonly id: string;
  readonly directory: string;
  readonly scratch: string;

  constructor(config: Pick<EngineConfig, "root" | "run">, id: string) {
    this.id = id;
    this.directory = join(stepsDirectory(config), id);
    this.scratch = join(scratchDirectory(config), id);
  }

  path(name: "config.json" | "cgroup" | "log" | "hosts" | "hostname" | "resolv.conf" | "secrets"): string {
    return join(this.directory, name);
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
    await rm(this.scratch, { recursive: true, force: true });
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Ids of all steps of which something is left. */
export async function listSteps(config: Pick<EngineConfig, "root" | "run">): Promise<string[]> {
  const lists = [stepsDirectory(config), scratchDirectory(config)].map((path) => readdir(path).catch(() => []));
  const names = (await Promise.all(lists)).flat();
  return [...new Set(names)].filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** Apart from the containers' records: these are no containers that anybody lists. */
export function stepRuntimeRoot(config: Pick<EngineConfig, "run">): string {
  return join(config.run, "step-runtime");
}

function stepsDirectory({ run }: Pick<EngineConfig, "run">): string {
  return join(run, "steps");
}

function scratchDirectory({ root }: Pick<EngineConfig, "root">): string {
  return join(root, "build", "scratch");
}
