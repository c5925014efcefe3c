import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseLabel } from "../parse/environment.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";

type CreateOptions = { driver: string; label?: string[]; name?: string; opt?: string[] };

export function command(cli: Cli): Command {
  return newCommand(cli, "volume create", "[options] [NAME]", "make a volume")
    .option("-d, --driver <driver>", "only local", "local")
    .option("--label <label>", "key[=value]", collect)
    .option("-o, --opt <option>", "type=…, device=…, o=…: for mount when a container first uses it", collect)
    .option("--name <name>", "the same as NAME")
    .argument("[name]")
    .action(async (name: string | undefined, options: CreateOptions) => {
      if (name !== undefined && options.name !== undefined) {
        throw new UsageError("conflicting options: either specify --name or provide a NAME, not both");
      }
      const client = await cli.connect();
      const volume = await client.request("volumes.create", {
        name: name ?? options.name ?? "",
        driver: options.driver || "local",
        options: Object.fromEntries((options.opt ?? []).map(parseLabel)),
        labels: Object.fromEntries((options.label ?? []).map(parseLabel)),
      });
      cli.print(await printableText(volume.name));
    });
}
