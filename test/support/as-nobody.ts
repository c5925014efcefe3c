import { spawnSync } from "node:child_process";

/** uid and gid 65534, no groups, no capabilities: what any user of the host may do. */
export function asNobody(script: string): {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const drop = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
  const result = spawnSync("setpriv", [...drop, "sh", "-c", script], { encoding: "utf8", cwd: "/" });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}
