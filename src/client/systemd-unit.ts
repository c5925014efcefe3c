import { existsSync } from "node:fs";
import { join } from "node:path";
import type { EnginePaths } from "./paths.ts";

/** Where units of the administrator lie (systemd.unit(5)). */
export const unitDirectory = "/etc/systemd/system";

/** `gantry.service` for the default directories; other engines have names of their own. */
export function unitName({ root, run }: EnginePaths): string {
  if (root === "/var/lib/gantry" && run === "/run/gantry") return "gantry.service";
  return `gantry-${run.slice(1).replace(/[^A-Za-z0-9_.]+/g, "-")}.service`;
}

/** True where systemd keeps the engine of these paths: whoever wants it started asks systemd then. */
export function isUnitInstalled(paths: EnginePaths): boolean {
  return existsSync("/run/systemd/system") && existsSync(join(unitDirectory, unitName(paths)));
}

export type UnitProgram = {
  /** Words of the command line. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

/**
 * The text of the unit. KillMode=process and Delegate=yes: containers are in cgroups of their own below, and neither a stop of the
 * engine nor its upgrade touches them. A stop asked for is no failure, so that it lasts until somebody wants the engine. Where the host goes
 * down, the engine ends them before itself, and needs the time that they may take.
 */
export function unitText({ command, environment }: UnitProgram): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`);
  return `[Unit]
Description=Gantry container engine
Wants=network-online.target
After=network-online.target local-fs.target firewalld.service nftables.service ufw.service

[Service]
Type=exec
${variables.join("\n")}
EnvironmentFile=-/etc/default/gantry
ExecStart=${command.map(quote).join(" ")}
Restart=on-failure
RestartSec=5
TimeoutStopSec=90
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNPROC=infinity
LimitCORE=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5): quotes, backslashes, `%` and `$` mean something. */
function quote(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[A-Za-z0-9_./=:%$@+,-]+$/.test(escaped)) return escaped;
  return `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
