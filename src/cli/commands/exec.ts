import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { ExecRequest } from "../../../engine/protocol/containers.ts";
import type { EngineClient } from "../../client/connection.ts";
import { newStreamID } from "../../client/stream-id.ts";
import { TerminalSession } from "../../client/terminal-session.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { outputOf } from "../output.ts";
import { defaultDetachKeys, parseDetachKeys } from "../parse/detach-keys.ts";
import { type Environment, parseEnvironmentFile, parseVariable } from "../parse/environment.ts";
import { readText } from "../read-text.ts";

type ExecOptions = {
  detach?: true;
  detachKeys: string;
  env?: string[];
  envFile?: string[];
  interactive?: true;
  privileged?: true;
  tty?: true;
  user?: string;
  workdir?: string;
};

export function command(cli: Cli): Command {
  return newCommand(cli, "exec", "[options] CONTAINER COMMAND [ARG...]", "run a command in a container")
    .option("-d, --detach", "leave it in the background")
    .option("-i, --interactive", "connect stdin")
    .option("-t, --tty", "give it a terminal")
    .option("-e, --env <variable>", "NAME=value, or NAME with the value it has here", collect)
    .option("--env-file <file>", "lines of NAME=value", collect)
    .option("-u, --user <user>", "user[:group]")
    .option("-w, --workdir <directory>", "working directory")
    .option("--privileged", "all capabilities")
    .option("--detach-keys <keys>", "keys that detach", defaultDetachKeys)
    .argument("<container>")
    .argument("<command...>")
    .passThroughOptions()
    .action(async (container: string, words: string[], options: ExecOptions) => {
      const request = toExecRequest(container, words, options, cli.environment);
      if (request.terminal && request.openStdin && !options.detach && !process.stdin.isTTY) {
        throw new EngineError("invalid-argument", "the input device is not a TTY");
      }
      const client = await cli.connect();
      if (options.detach) await client.request("containers.exec", { ...request, openStdin: false });
      else cli.exitCode = await execHere(client, request, parseDetachKeys(options.detachKeys));
    });
}

function toExecRequest(
  container: string,
  words: readonly string[],
  options: ExecOptions,
  environment: Environment,
): ExecRequest {
  const fromFiles = (options.envFile ?? []).flatMap((path) =>
    parseEnvironmentFile(path, readText(path, 1), environment),
  );
  const fromFlags = (options.env ?? []).map((text) => parseVariable(text, environment));
  return {
    container,
    command: [...words],
    terminal: options.tty ?? false,
    openStdin: options.interactive ?? false,
    environment: [...fromFiles, ...fromFlags],
    privileged: options.privileged ?? false,
    ...(options.workdir === undefined ? {} : { workingDirectory: options.workdir }),
    ...(options.user === undefined ? {} : { user: options.user }),
  };
}

async function execHere(client: EngineClient, request: ExecRequest, detachKeys: Buffer): Promise<number> {
  const streamID = newStreamID();
  const { rows, columns } = request.terminal ? outputOf("stdout") : {};
  const size = rows && columns ? { rows, columns } : {};
  // Both at once: in the engine the request waits for its stream.
  const started = client.request("containers.exec", { ...request, ...size, streamID });
  started.catch(() => undefined);
  const stream = await client.openStream(streamID);
  using session = new TerminalSession({
    stream,
    terminal: request.terminal,
    input: request.openStdin ? process.stdin : null,
    get stdout() {
      return outputOf("stdout");
    },
    get stderr() {
      return outputOf("stderr");
    },
    detachKeys,
  });
  await started;
  const end = await session.ended;
  return end.exitCode ?? 0;
}
