import type { Command } from "commander";
import type { RestartPolicy } from "../../../engine/protocol/resources.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { parseRestartPolicy } from "../parse/limits.ts";
import { UsageError } from "../parse/usage-error.ts";
import { type ResourceOptions, resourceFlags, updatedResources } from "../resource-flags.ts";

type UpdateOptions = ResourceOptions & { restart?: string };

export function command(cli: Cli): Command {
  const update = newCommand(cli, "update", "[options] CONTAINER...", "change limits and restart policies, also live");
  for (const [flag, text] of resourceFlags) update.option(flag, text);
  return update
    .option("--restart <policy>", "no, always, unless-stopped, on-failure[:count]")
    .argument("<container...>")
    .action((names: string[], { restart, ...limits }: UpdateOptions) => {
      // Not ours, but of every verb.
      const given = Object.keys(limits).filter((key) => key !== "root" && key !== "run");
      if (given.length === 0 && restart === undefined) {
        throw new UsageError("you must provide one or more flags when using this command", 1);
      }
      const resources = updatedResources(limits);
      const policy = restart === undefined ? {} : { restartPolicy: policyOf(restart) };
      return forEachName(cli, names, async (client, container) => {
        const { warnings } = await client.request("containers.update", { container, resources, ...policy });
        for (const warning of warnings) cli.say(`warning: ${warning}`);
        return container;
      });
    });
}

/** Docker's engine looks at it, which makes another exit code than a wrong flag. */
function policyOf(text: string): RestartPolicy {
  try {
    return parseRestartPolicy(text);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, 1) : error;
  }
}
