import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { becomeRoot, isRoot } from "../../client/become-root.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { becomeEngine } from "../engine-program.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine purge", "[options]", "remove every trace of an engine")
    .option("-f, --force", "do not ask")
    .action(async ({ force }: { force?: true }) => {
      if (!isRoot()) becomeRoot(cli.paths);
      if (!force) await askFirst(cli);
      const { uninstallUnit } = await import("../uninstall-unit.ts");
      uninstallUnit(cli);
      // Confirmed: also an engine that runs, and its containers.
      becomeEngine(cli, "purge", ["--force"]);
    });
}

async function askFirst(cli: Cli): Promise<void> {
  const { root } = cli.paths;
  if (!process.stdin.isTTY) {
    throw new EngineError("failed-precondition", `purge of ${root} not confirmed`, { hint: "add --force" });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Remove all containers, images and logs under ${root}? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new EngineError("cancelled", `purge of ${root} cancelled`);
}
