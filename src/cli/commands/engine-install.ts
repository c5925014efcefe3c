import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { findEngine } from "../../client/open-engine.ts";
import { unitName } from "../../client/systemd-unit.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { dockerSocketFlags, dockerSocketOption } from "../docker-socket.ts";
import { stopEngine } from "../stop-engine.ts";
import { describeUnit, systemctl, writeUnit } from "../systemd.ts";

/** Milliseconds for many containers to be taken up. */
const patience = 30_000;

export function command(cli: Cli): Command {
  return newCommand(cli, "engine install", "[options]", "have systemd start the engine at boot")
    .option("--print", "print the unit instead, for a look or another directory")
    .option(...dockerSocketOption)
    .action(async ({ print, dockerSocket }: { print?: true; dockerSocket?: string }) => {
      const serveFlags = dockerSocketFlags(dockerSocket);
      const { name, text } = describeUnit(cli, serveFlags);
      if (print) return cli.print(text.trimEnd());
      writeUnit(cli, serveFlags);
      if (!existsSync("/run/systemd/system")) {
        cli.print(`systemd does not run here; where it does: systemctl enable --now ${name}`);
        return;
      }
      systemctl(cli, "daemon-reload");
      systemctl(cli, "enable", name);
      // One that a command has started is of a login session; the next one is systemd's, and finds the containers where they are.
      const client = await findEngine(cli.paths, "gantry-cli");
      if (client !== null) {
        await stopEngine(cli, client);
        cli.print("stopped the engine that ran; containers go on");
      }
      systemctl(cli, "start", name);
      await waitUntilListening(cli);
      cli.print("the engine runs, and will after each boot; containers come up again by their restart policies");
    });
}

/** systemd is content when the program has begun. */
async function waitUntilListening(cli: Cli): Promise<void> {
  for (const giveUpAt = Date.now() + patience; Date.now() < giveUpAt; await sleep(20)) {
    const client = await findEngine(cli.paths, "gantry-cli");
    if (client !== null) return client.close();
  }
  throw new EngineError("unavailable", `the engine did not answer within ${patience / 1000} s`, {
    hint: `see: journalctl -u ${unitName(cli.paths)}`,
  });
}
