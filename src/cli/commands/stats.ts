import type { Command } from "commander";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { StatsSample } from "../../../engine/protocol/stats.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { resolveContainer } from "../find-container.ts";
import { renderListing } from "../listing.ts";
import { outputOf } from "../output.ts";
import { ScreenBlock } from "../screen-block.ts";
import { statsFields, statsListing } from "../stats-fields.ts";

type StatsOptions = { all?: true; format?: string; stream: boolean; trunc: boolean };

export function command(cli: Cli): Command {
  return newCommand(cli, "stats", "[options] [CONTAINER...]", "show what containers use, live")
    .option("-a, --all", "also those that do not run")
    .option("--format <format>", "table, json, or a template such as '{{.CPUPerc}}'")
    .option("--no-stream", "once, then end")
    .option("--no-trunc", "nothing shortened")
    .argument("[container...]")
    .action(async (names: string[], options: StatsOptions) => {
      const client = await cli.connect();
      if (options.stream) await follow(cli, client, names, options);
      else await once(cli, client, names, options);
    });
}

async function once(cli: Cli, client: EngineClient, names: readonly string[], options: StatsOptions): Promise<void> {
  const containers = choose(await client.request("containers.list", { all: true }), names, options);
  const running = containers.filter(isMeasured).map((container) => container.id);
  const samples = running.length === 0 ? [] : await client.request("stats.sample", { containers: running });
  const text = await render(containers, samples, options);
  if (text !== "") cli.print(text);
}

async function follow(cli: Cli, client: EngineClient, names: readonly string[], options: StatsOptions): Promise<void> {
  let all: ContainerSummary[] = await client.request("containers.list", { all: true });
  // An unknown name fails now; later one that has gone just leaves the table.
  const ids = new Set(choose(all, names, options).map((container) => container.id));
  const block = new ScreenBlock(outputOf("stdout"));
  const containers = () =>
    names.length === 0 ? choose(all, [], options) : all.filter((container) => ids.has(container.id));
  await client.subscribe("state", { resume: null }, (item) => {
    if (item.type === "snapshot") all = item.containers;
    else {
      const gone = new Set([...item.removedContainers, ...item.containers.map((container) => container.id)]);
      all = [...all.filter((container) => !gone.has(container.id)), ...item.containers];
    }
  });
  const topic = { containers: names.length === 0 ? null : [...ids] };
  await client.subscribe("stats", topic, async ({ samples }) =>
    block.show(await render(containers(), samples, options)),
  );
  if (containers().every((container) => !isMeasured(container))) block.show(await render(containers(), [], options));
  await new Promise<void>((resolve, reject) => {
    client.onClose((reason) => (reason === null ? resolve() : reject(reason)));
  });
  cli.exitCode = 0;
}

function choose(
  all: readonly ContainerSummary[],
  names: readonly string[],
  options: StatsOptions,
): readonly ContainerSummary[] {
  if (names.length > 0) return names.map((name) => resolveContainer(all, name));
  return options.all ? all : all.filter(isMeasured);
}

function isMeasured(container: ContainerSummary): boolean {
  return container.status === "running" || container.status === "paused";
}

function render(
  containers: readonly ContainerSummary[],
  samples: readonly StatsSample[],
  options: StatsOptions,
): Promise<string> {
  const byID = new Map(samples.map((sample) => [sample.container, sample]));
  const items = containers.map((container) => statsFields(container, byID.get(container.id) ?? null, options.trunc));
  return renderListing(items, statsListing, options);
}
