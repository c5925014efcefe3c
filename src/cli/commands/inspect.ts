import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { describeFailure } from "../failure.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

type InspectOptions = { format?: string; type?: string; size?: true };
/** Fields whose keys the user, the image or the engine chose. */
const freeMaps: ReadonlySet<string> = new Set(
  "Annotations Data ExposedPorts Labels Networks PortBindings Ports Storage Sysctls Tmpfs Volumes".split(" "),
);

type Inspected = Record<string, unknown>;

export function command(cli: Cli): Command {
  return newCommand(cli, "inspect", "[options] NAME...", "show everything about containers or images")
    .option("-f, --format <format>", "json or a template such as '{{.State.Pid}}'")
    .option("--type <type>", "container or image: look only there")
    .option("-s, --size", "accepted")
    .argument("<name...>")
    .action((names: string[], options: InspectOptions) => inspect(cli, names, options));
}

/** `image inspect` and `container inspect`: the same, looking only there. */
export function commandFor(cli: Cli, type: "container" | "image"): Command {
  return newCommand(cli, `${type} inspect`, "[options] NAME...", `show everything about ${type}s`)
    .option("-f, --format <format>", "json or a template such as '{{.Id}}'")
    .option("-s, --size", "accepted")
    .argument("<name...>")
    .action((names: string[], options: InspectOptions) => inspect(cli, names, { ...options, type }));
}

async function inspect(cli: Cli, names: readonly string[], options: InspectOptions): Promise<void> {
  const { format, type } = options;
  if (type !== undefined && type !== "container" && type !== "image") {
    throw new UsageError(`invalid --type "${type}": want container or image`);
  }
  const print = printerOf(cli, format);
  const client = await cli.connect();
  const found: Inspected[] = [];
  for (const name of names) {
    try {
      found.push(await inspectOne(client, name, type));
    } catch (error) {
      for (const line of (await describeFailure(error, "inspect", 1)).lines) cli.say(line);
      cli.exitCode = 1;
    }
  }
  await print(found);
}

function printerOf(cli: Cli, format: string | undefined): (found: readonly Inspected[]) => Promise<void> | void {
  if (format === undefined) return (found) => cli.print(printableJson(found, 4));
  if (format === "json") return (found) => cli.print(printableJson(found));
  const render = compileTemplate(format.replaceAll("\\n", "\n"), { strict: true, freeMaps });
  return async (found) => {
    for (const object of found) cli.print(await printableText(render(withOptionalFields(object))));
  };
}

/** What docker's JSON leaves out where it is empty, its templates know all the same. */
function withOptionalFields(object: Inspected): Inspected {
  const { Config } = object;
  if (typeof Config !== "object" || Config === null) return object;
  const full = { ExposedPorts: {}, Healthcheck: null, Shell: [], StopSignal: "", StopTimeout: null, ...Config };
  return "RootFS" in object ? { OsVersion: "", Variant: "", ...object, Config: full } : { ...object, Config: full };
}

/** A container of this name comes before an image. */
async function inspectOne(client: EngineClient, name: string, type: string | undefined): Promise<Inspected> {
  if (type === "image") return client.request("images.inspect", { image: name });
  try {
    return await client.request("containers.inspect", { container: name });
  } catch (error) {
    if (type === "container" || !(error instanceof EngineError) || error.code !== "not-found") throw error;
  }
  try {
    return await client.request("images.inspect", { image: name });
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "not-found") throw error;
    throw new EngineError("not-found", `no container and no image is called ${name}`, {
      hint: "see: gantry ps --all, gantry images",
    });
  }
}
