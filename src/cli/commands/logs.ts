import type { Command } from "commander";
import type { EngineClient } from "../../client/connection.ts";
import { newStreamID } from "../../client/stream-id.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { LogPrinter } from "../log-printer.ts";
import { outputOf } from "../output.ts";
import { parseMoment } from "../parse/moment.ts";
import { parseInteger } from "../parse/sizes.ts";

type LogsOptions = { follow?: true; tail: string; since?: string; until?: string; timestamps?: true; details?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "logs", "[options] CONTAINER", "show a container's log")
    .option("-f, --follow", "go on with what comes")
    .option("-n, --tail <lines>", "lines from the end, or all", "all")
    .option("--since <time>", "from this time on: RFC 3339, seconds, or 10m ago")
    .option("--until <time>", "up to this time")
    .option("-t, --timestamps", "the time before each line")
    .option("--details", "what --log-opt labels=… and env=… ask for, before each line")
    .argument("<container>")
    .action((container: string, options: LogsOptions) => showLogs(cli, container, options));
}

/** What does that is loaded only where it is asked for. */
async function detailsOf(client: EngineClient, container: string): Promise<string> {
  const { logDetails } = await import("../../../engine/protocol/log-details.ts");
  return logDetails(await client.request("containers.inspect", { container }));
}

async function showLogs(cli: Cli, container: string, options: LogsOptions): Promise<void> {
  const { follow = false, tail, since, until, timestamps = false } = options;
  const now = Date.now();
  const range = {
    // Docker takes a negative number for all.
    tail: tail === "all" || tail.startsWith("-") ? null : parseInteger("--tail", tail, { minimum: 0 }),
    since: since === undefined ? null : parseMoment("--since", since, now),
    until: until === undefined ? null : parseMoment("--until", until, now),
  };
  const client = await cli.connect();
  const details = options.details ? { details: await detailsOf(client, container) } : {};
  const streamID = newStreamID();
  const request = client.request("containers.logs", { container, streamID, follow, range });
  request.catch(() => undefined);
  const stream = await client.openStream(streamID);
  const outputs = { stdout: outputOf("stdout"), stderr: outputOf("stderr") };
  const printer = new LogPrinter({ ...outputs, timestamps, ...details });
  stream.onOutput((_channel, bytes) => printer.take(bytes));
  await request;
  await stream.ended;
}
