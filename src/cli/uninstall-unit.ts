import { existsSync } from "node:fs";
import { becomeRoot, isRoot } from "../client/become-root.ts";
import type { Cli } from "./cli.ts";
import { describeUnit, readIfThere, removeUnit, systemctl } from "./systemd.ts";

/** Stops the engine that systemd runs, and has it forget the unit. False: there was none. */
export function uninstallUnit(cli: Cli): boolean {
  const { name, path } = describeUnit(cli);
  if (readIfThere(path) === null) return false;
  if (!isRoot()) becomeRoot(cli.paths);
  const isManaged = existsSync("/run/systemd/system");
  if (isManaged) systemctl(cli, "disable", "--now", name);
  removeUnit(cli);
  if (isManaged) systemctl(cli, "daemon-reload");
  return true;
}
