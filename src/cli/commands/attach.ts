import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { getContainer } from "../find-container.ts";
import { stayWith } from "../foreground.ts";
import { defaultDetachKeys, parseDetachKeys } from "../parse/detach-keys.ts";

type AttachOptions = { stdin?: false; sigProxy?: false; detachKeys: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "attach", "[options] CONTAINER", "connect to a container's main process")
    .option("--no-stdin", "do not connect stdin")
    .option("--sig-proxy", "pass signals on to it (default)")
    .option("--no-sig-proxy", "keep signals")
    .option("--detach-keys <keys>", "keys that detach", defaultDetachKeys)
    .argument("<container>")
    .action((name: string, options: AttachOptions) => attach(cli, name, options));
}

async function attach(cli: Cli, name: string, options: AttachOptions): Promise<void> {
  const client = await cli.connect();
  const container = await getContainer(client, name);
  if (container.status !== "running") {
    const hint = container.status === "paused" ? `gantry unpause ${name}` : `gantry start --attach ${name}`;
    throw new EngineError("failed-precondition", `attach to container ${name}: it is ${container.status}`, {
      hint: `try: ${hint}`,
    });
  }
  const stdin = options.stdin !== false && container.openStdin;
  if (container.terminal && stdin && !process.stdin.isTTY) {
    throw new EngineError("invalid-argument", "the input device is not a TTY");
  }
  const code = await stayWith(client, {
    container: container.id,
    terminal: container.terminal,
    stdin,
    stdout: true,
    stderr: true,
    detachKeys: parseDetachKeys(options.detachKeys),
    proxySignals: options.sigProxy !== false && !(container.terminal && stdin),
    until: container.autoRemove ? "removed" : "stopped",
  });
  if (code === null) cli.say("read escape sequence");
  cli.exitCode = code ?? 0;
}
