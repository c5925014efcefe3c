import type { Command } from "commander";
import type { EngineEvent } from "../../../engine/protocol/events.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { anyHolds, type Filters, parseFilters } from "../filters.ts";
import { parseMoment } from "../parse/moment.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

type EventsOptions = { filter?: string[]; format?: string; since?: string; until?: string };

const filterKeys = ["container", "event", "image", "label", "type"];

export function command(cli: Cli): Command {
  return newCommand(cli, "events", "[options]", "show what happens, live")
    .option("-f, --filter <filter>", "key=value: container, event, image, label, type", collect)
    .option("--format <format>", "json, or a template")
    .option("--since <time>", "from this time on: RFC 3339, seconds, or 10m ago")
    .option("--until <time>", "up to this time, then end")
    .action((options: EventsOptions) => follow(cli, options));
}

async function follow(cli: Cli, options: EventsOptions): Promise<void> {
  const filters = parseFilters(options.filter ?? [], filterKeys);
  const render = rendererOf(options.format);
  const now = Date.now();
  const since = options.since === undefined ? null : parseMoment("--since", options.since, now);
  const until = options.until === undefined ? null : parseMoment("--until", options.until, now);
  const client = await cli.connect();
  let printed = Promise.resolve();
  await client.subscribe("events", { since, until }, (event) => {
    if (!passes(event, filters)) return;
    // One after the other, in order.
    printed = printed.then(async () => cli.print(await printableText(render(event))));
  });
  await new Promise<void>((resolve, reject) => {
    client.onClose((reason) => (reason === null ? resolve() : reject(reason)));
    // Events of the past come at once; the engine sends no end mark, so the client's clock tells the end.
    if (until !== null) setTimeout(resolve, Math.max(200, Date.parse(until) - Date.now() + 50));
  });
}

function passes(event: EngineEvent, filters: Filters): boolean {
  const { attributes } = event;
  return (
    anyHolds(filters, "type", (value) => event.type === value) &&
    anyHolds(filters, "event", (value) => event.action === value || event.action.startsWith(`${value}:`)) &&
    anyHolds(filters, "container", (value) => isObject(event, "container", value)) &&
    anyHolds(filters, "image", (value) => isObject(event, "image", value) || attributes.image === value) &&
    (filters.get("label") ?? []).every((wanted) => {
      const [key = "", value] = wanted.split("=", 2);
      return Object.hasOwn(attributes, key) && (value === undefined || attributes[key] === value);
    })
  );
}

function isObject(event: EngineEvent, type: EngineEvent["type"], value: string): boolean {
  return event.type === type && (event.attributes.name === value || event.id.startsWith(value));
}

function rendererOf(format: string | undefined): (event: EngineEvent) => string {
  if (format === "json") return (event) => printableJson(dockerEvent(event));
  if (format === undefined) return describe;
  const render = compileTemplate(format);
  return (event) => render(dockerEvent(event));
}

/** `2026-11-22T04:00:00.000000001Z container start <id> (image=…, name=web)` */
function describe(event: EngineEvent): string {
  const attributes = Object.entries(event.attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const suffix = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${nanoTime(event.timeNano)} ${event.type} ${event.action} ${event.id}${suffix}`;
}

function nanoTime(timeNano: string): string {
  const nano = BigInt(timeNano);
  const seconds = new Date(Number(nano / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(nano % 1_000_000_000n).padStart(9, "0")}Z`;
}

function dockerEvent(event: EngineEvent): Record<string, unknown> {
  return {
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    status: event.action,
    id: event.id,
    scope: "local",
    time: Number(BigInt(event.timeNano) / 1_000_000_000n),
    timeNano: Number(event.timeNano),
  };
}
