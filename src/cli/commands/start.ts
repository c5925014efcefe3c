import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { getContainer } from "../find-container.ts";
import { stayWith } from "../foreground.ts";
import { defaultDetachKeys, parseDetachKeys } from "../parse/detach-keys.ts";
import { UsageError } from "../parse/usage-error.ts";

type StartOptions = {
  attach?: true;
  interactive?: true;
  detachKeys: string;
  checkpoint?: string;
  checkpointDir?: string;
};

export function command(cli: Cli): Command {
  return newCommand(cli, "start", "[options] CONTAINER...", "start containers")
    .option("-a, --attach", "show its output and pass signals on")
    .option("-i, --interactive", "connect its stdin")
    .option("--detach-keys <keys>", "keys that detach", defaultDetachKeys)
    .option("--checkpoint <name>", "go on from this checkpoint of its own")
    .option("--checkpoint-dir <directory>", "not supported")
    .argument("<container...>")
    .action(async (names: string[], options: StartOptions) => {
      if (options.checkpoint !== undefined) return restore(cli, names, options.checkpoint, options);
      if (options.attach || options.interactive) return startAttached(cli, names, options);
      await forEachName(cli, names, async (client, container) => {
        await client.request("containers.start", { container });
        return container;
      });
    });
}

async function restore(cli: Cli, names: readonly string[], checkpoint: string, options: StartOptions): Promise<void> {
  const { refuseCheckpointDirectory } = await import("../checkpoint-flags.ts");
  refuseCheckpointDirectory(options);
  if (options.attach || options.interactive) {
    throw new UsageError("a container cannot be restored from a checkpoint and attached to at once", 1);
  }
  const [container, ...more] = names;
  if (container === undefined || more.length > 0) {
    throw new UsageError("only one container can be restored from a checkpoint", 1);
  }
  const client = await cli.connect();
  await client.request("checkpoints.restore", { container, checkpoint });
  cli.print(container);
}

async function startAttached(cli: Cli, names: readonly string[], options: StartOptions): Promise<void> {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0)
    throw new UsageError("only one container can be started and attached to", 1);
  const client = await cli.connect();
  const container = await getContainer(client, name);
  const { terminal } = container;
  const stdin = options.interactive === true && container.openStdin;
  const code = await stayWith(client, {
    container: container.id,
    terminal,
    stdin,
    stdout: true,
    stderr: true,
    detachKeys: parseDetachKeys(options.detachKeys),
    proxySignals: !(terminal && stdin),
    until: container.autoRemove ? "removed" : "next-exit",
    start: () => client.request("containers.start", { container: container.id }),
  });
  cli.exitCode = code ?? 0;
}
