import type { EngineConfig } from "../../config.ts";
import { EngineError } from "../../errors.ts";

/**
 * Where cgroups of processes with this `--cgroup-parent` lie, without a slash at the end; empty: below the engine's own. Fails with
 * `invalid-argument`.
 */
export function cgroupParentPath(config: Pick<EngineConfig, "names">, cgroupParent: string): string {
  if (cgroupParent === "") return `/${config.names.cgroupParent}`;
  const path = `/${cgroupParent.replace(/^\/+|\/+$/g, "")}`;
  const isPlain = /^(\/[\w.:@-]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path);
  if (isPlain) return path;
  throw new EngineError(
    "invalid-argument",
    `cgroup parent ${JSON.stringify(cgroupParent)} is not the path of a cgroup`,
    { exitCode: 125 },
  );
}
