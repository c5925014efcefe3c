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
  "Annotations Containers Data ExposedPorts Labels Networks Options PortBindings Ports Storage Sysctls Tmpfs Volumes".split(
    " ",
  ),
);

/** How docker's program prints what is not there: lists, maps, and values that may be left out. */
const nulls: ReadonlyMap<string, string> = new Map([
  ...(
    "BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps BlkioWeightDevice Binds CapAdd " +
    "CapDrop Cmd DeviceCgroupRules DeviceRequests Devices Dns DnsOptions DnsSearch Entrypoint Env ExecIDs ExtraHosts " +
    "GroupAdd Links MaskedPaths OnBuild ReadonlyPaths RepoDigests RepoTags SecurityOpt Shell Ulimits VolumesFrom"
  )
    .split(" ")
    .map((name): [string, string] => [name, "[]"]),
  ..."Annotations ExposedPorts Labels Options PortBindings StorageOpt Sysctls Tmpfs Volumes"
    .split(" ")
    .map((name): [string, string] => [name, "map[]"]),
  ..."Health Healthcheck Init IPAMConfig MemorySwappiness OomKillDisable PidsLimit StopTimeout"
    .split(" ")
    .map((name): [string, string] => [name, "<nil>"]),
]);

const types = ["container", "image", "network", "volume"] as const;
type ObjectType = (typeof types)[number];

const exitBadTemplate = 64;

type Inspected = Record<string, unknown>;

export function command(cli: Cli): Command {
  return newCommand(
    cli,
    "inspect",
    "[options] NAME...",
    "show everything about containers, images, networks and volumes",
  )
    .option("-f, --format <format>", "json or a template such as '{{.State.Pid}}'")
    .option("--type <type>", "container, image, network or volume: look only there")
    .option("-s, --size", "with the sizes of containers")
    .argument("<name...>")
    .action((names: string[], options: InspectOptions) => inspect(cli, names, options));
}

/** `image inspect`, `network inspect` and the like: the same, looking only there. */
export function commandFor(cli: Cli, type: ObjectType): Command {
  return newCommand(cli, `${type} inspect`, "[options] NAME...", `show everything about ${type}s`)
    .option("-f, --format <format>", "json or a template such as '{{.Id}}'")
    .option("-s, --size", "with the sizes of containers")
    .option("-v, --verbose", "accepted")
    .argument("<name...>")
    .action((names: string[], options: InspectOptions) => inspect(cli, names, { ...options, type }));
}

async function inspect(cli: Cli, names: readonly string[], options: InspectOptions): Promise<void> {
  const { format, size = false } = options;
  const type = types.find((known) => known === options.type);
  if (options.type && type === undefined) {
    throw new UsageError(`"${options.type}" is not a valid value for --type: want ${types.join(", ")}`, 1);
  }
  const print = printerOf(cli, format);
  const client = await cli.connect();
  const found: Inspected[] = [];
  for (const name of names) {
    try {
      found.push(await inspectOne(client, name, { type, size }));
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
  const render = compile(format);
  return async (found) => {
    for (const object of found) cli.print(await printableText(render(withOptionalFields(object))));
  };
}

/** Docker's exit code of its own for what is no template. */
function compile(format: string): (data: unknown) => string {
  try {
    return compileTemplate(format.replaceAll("\\n", "\n"), { strict: true, freeMaps, nulls });
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, exitBadTemplate) : error;
  }
}

/** What docker's JSON leaves out where it is empty, its templates know all the same. */
function withOptionalFields(object: Inspected): Inspected {
  const { Config, State } = object;
  if (typeof Config !== "object" || Config === null) return object;
  const full = { ExposedPorts: {}, Healthcheck: null, Shell: [], StopSignal: "", StopTimeout: null, ...Config };
  if ("RootFS" in object) return { OsVersion: "", Variant: "", ...object, Config: full };
  const state = typeof State === "object" && State !== null ? { State: { Health: null, ...State } } : {};
  return { ...object, ...state, Config: full };
}

type Question = { readonly type: ObjectType | undefined; readonly size: boolean };

/** A container of this name comes before an image, that before a network, that before a volume. */
async function inspectOne(client: EngineClient, name: string, { type, size }: Question): Promise<Inspected> {
  for (const one of type === undefined ? types : [type]) {
    try {
      return await readers[one](client, name, size);
    } catch (error) {
      if (type !== undefined || !(error instanceof EngineError) || !isUnknown(error)) throw error;
    }
  }
  throw new EngineError("not-found", `no container, image, network or volume is called ${name}`, {
    hint: "see: gantry ps --all, gantry images, gantry network ls, gantry volume ls",
  });
}

/** What cannot be the name of one thing may be another's. */
function isUnknown({ code }: EngineError): boolean {
  return code === "not-found" || code === "invalid-argument";
}

const readers: Readonly<Record<ObjectType, (client: EngineClient, name: string, size: boolean) => Promise<Inspected>>> =
  {
    container: inspectContainer,
    image: (client, image) => client.request("images.inspect", { image }),
    network: (client, network) => client.request("networks.inspect", { network }),
    volume: (client, volume) => client.request("volumes.inspect", { volume }),
  };

/** Sizes, as `ps --size` has them, only where they are asked for: they take a walk over its files. */
async function inspectContainer(client: EngineClient, container: string, size: boolean): Promise<Inspected> {
  const inspected = await client.request("containers.inspect", { container });
  if (!size) return inspected;
  const [{ writable }, images] = await Promise.all([
    client.request("layers.ofContainer", { container }),
    client.request("images.list", {}),
  ]);
  const SizeRw = writable?.size ?? 0;
  return { ...inspected, SizeRw, SizeRootFs: SizeRw + (images.find(({ id }) => id === inspected.Image)?.size ?? 0) };
}
