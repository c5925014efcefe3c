import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../../config.ts";
import type { Cgroups } from "../../host/cgroups.ts";
import { MadeCgroups } from "../../runtime/made-cgroups.ts";
import { endCgroup } from "./end-processes.ts";
import { type StepPlace, stepRuntimeRoot } from "./step-place.ts";

export type ClearOptions = { readonly config: Pick<EngineConfig, "run">; readonly cgroups: Cgroups };

/** All that a step has outside of its file system, whatever came of it; nothing is mounted there any more. cgroupPath: empty where it has none yet. */
export async function clearStep(
  { config, cgroups }: ClearOptions,
  place: StepPlace,
  cgroupPath: string,
): Promise<void> {
  if (cgroupPath !== "") {
    await endCgroup(cgroups, cgroupPath);
    await new MadeCgroups(config.run, cgroups).tidy(cgroupPath);
  }
  await rm(join(stepRuntimeRoot(config), place.id), { recursive: true, force: true });
  await place.remove();
}
