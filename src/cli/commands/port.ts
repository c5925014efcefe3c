import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { PortBinding } from "../../../engine/protocol/ports.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "port", "CONTAINER [PORT[/PROTOCOL]]", "list a container's published ports")
    .argument("<container>")
    .argument("[port]")
    .action(async (container: string, port: string | undefined) => {
      const client = await cli.connect();
      const bindings = await client.request("containers.port", { container });
      if (port === undefined) {
        for (const binding of bindings) cli.print(`${containerSide(binding)} -> ${hostSide(binding)}`);
        return;
      }
      const wanted = port.includes("/") ? port : `${port}/tcp`;
      const found = bindings.filter((binding) => containerSide(binding) === wanted);
      if (found.length === 0)
        throw new EngineError("not-found", `port ${wanted} of container ${container} is not published`);
      for (const binding of found) cli.print(hostSide(binding));
    });
}

function containerSide(binding: PortBinding): string {
  return `${binding.containerPort}/${binding.protocol}`;
}

function hostSide(binding: PortBinding): string {
  const address = binding.hostAddress === "" ? "0.0.0.0" : binding.hostAddress;
  return `${address.includes(":") ? `[${address}]` : address}:${binding.hostPort}`;
}
