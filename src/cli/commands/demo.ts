import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { type DemoContainer, demoContainers, demoLabel } from "../demo-containers.ts";

const firstPort = 8080;
const lastPort = 8099;

export function command(cli: Cli): Command {
  return newCommand(cli, "demo", "[options]", "start four small containers to look at")
    .option("--remove", "take all of them away")
    .action(async ({ remove }: { remove?: true }) => {
      const client = await cli.connect();
      if (remove) await removeDemo(cli, client);
      else await startDemo(cli, client);
    });
}

async function removeDemo(cli: Cli, client: EngineClient): Promise<void> {
  const ours = (await client.request("containers.list", { all: true })).filter(isDemo);
  await Promise.all(
    ours.map(async ({ id, name }) => {
      await client.request("containers.remove", { container: id, force: true, volumes: true });
      cli.print(`${name} removed`);
    }),
  );
  if (ours.length === 0) cli.print("there are no demo containers");
}

async function startDemo(cli: Cli, client: EngineClient): Promise<void> {
  const known = (await client.request("containers.list", { all: true })).filter(isDemo);
  const port = known.find(({ name }) => name === "demo-web")?.ports[0]?.hostPort ?? firstPort;
  const started = await Promise.all(demoContainers(port).map((container) => startOne(client, container, known)));
  for (const { name, about } of started) cli.print(`${name.padEnd(12)} ${about}`);
  cli.print("");
  cli.print("See them move:   gantry");
  cli.print("Take them away:  gantry demo --remove");
}

/** A port that is taken is known only when the engine refuses it: then the next one is tried. */
async function startOne(
  client: EngineClient,
  wanted: DemoContainer,
  known: readonly ContainerSummary[],
): Promise<DemoContainer> {
  if (known.some(({ name }) => name === wanted.name)) {
    await client.request("containers.start", { container: wanted.name });
    return wanted;
  }
  const port = wanted.request.ports[0]?.hostPort ?? null;
  try {
    await createAndStart(client, wanted);
    return wanted;
  } catch (error) {
    const refused = error instanceof EngineError && error.code === "failed-precondition";
    if (!refused || port === null || port >= lastPort) throw error;
    const next = demoContainers(port + 1).find(({ name }) => name === wanted.name);
    if (next === undefined) throw error;
    return startOne(client, next, known);
  }
}

async function createAndStart(client: EngineClient, { request }: DemoContainer): Promise<void> {
  const { id } = await client.request("containers.create", request);
  try {
    await client.request("containers.start", { container: id });
  } catch (error) {
    await client.request("containers.remove", { container: id, force: true, volumes: true });
    throw error;
  }
}

function isDemo(container: ContainerSummary): boolean {
  return container.labels[demoLabel] === "true";
}
