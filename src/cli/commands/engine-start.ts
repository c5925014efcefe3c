import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { openEngine } from "../../client/open-engine.ts";
import { isUnitInstalled } from "../../client/systemd-unit.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { dockerSocketFlags, dockerSocketOption } from "../docker-socket.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine start", "[options]", "start the engine")
    .option(...dockerSocketOption)
    .action(async ({ dockerSocket }: { dockerSocket?: string }) => {
      const serveFlags = dockerSocketFlags(dockerSocket);
      if (serveFlags.length > 0 && isUnitInstalled(cli.paths)) {
        throw refuse("systemd starts this engine", "write it into the unit: gantry engine install --docker-socket …");
      }
      let started = false;
      const onStarting = () => {
        started = true;
      };
      using client = await openEngine(cli.paths, { clientName: "gantry-cli", onStarting, serveFlags });
      if (!started && serveFlags.length > 0) {
        throw refuse("the engine runs already", "stop it first: gantry engine stop; containers go on");
      }
      const what = started ? "engine started" : "engine runs already";
      cli.print(`${what}: pid ${client.engine.pid}, socket ${cli.paths.socket}`);
    });
}

function refuse(reason: string, hint: string): EngineError {
  return new EngineError("failed-precondition", `--docker-socket is for an engine that starts: ${reason}`, { hint });
}
