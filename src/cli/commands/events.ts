import type { Command } from "commander";
import type { EngineEvent } from "../../../engine/protocol/events.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { eventFilterKeys, eventPasses } from "../event-filters.ts";
import { parseFilters } from "../filters.ts";
import { parseMoment } from "../parse/moment.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

type EventsOptions = { filter?: string[]; format?: string; since?: string; until?: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "events", "[options]", "show what happens, live")
    .option("-f, --filter <filter>", `key=value: ${eventFilterKeys.join(", ")}`, collect)
    .option("--format <format>", "json, or a template")
    .option("--since <time>", "from this time on: RFC 3339, seconds, or 10m ago")
    .option("--until <time>", "up to this time, then end")
    .action((options: EventsOptions) => follow(cli, options));
}

async function follow(cli: Cli, options: EventsOptions): Promise<void> {
  const filters = parseFilters(options.filter ?? [], eventFilterKeys);
  const render = rendererOf(options.format);
  const now = Date.now();
  const since = options.since === undefined ? null : parseMoment("--since", options.since, now);
  const until = options.until === undefined ? null : parseMoment("--until", options.until, now);
  const client = await cli.connect();
  let printed = Promise.resolve();
  await client.subscribe("events", { since, until }, (event) => {
    if (!eventPasses(event, filters)) return;
    // One after the other, in order.
    printed = printed.then(async () => cli.print(await printableText(render(event))));
  });
  await new Promise<void>((resolve, reject) => {
    client.onClose((reason) => (reason === null ? resolve() : reject(reason)));
    // Events of the past come at once; the engine sends no end mark, so the client's clock tells the end.
    if (until !== null) setTimeout(resolve, Math.max(200, Date.parse(until) - Date.now() + 50));
  });
}

function rendererOf(format: string | undefined): (event: EngineEvent) => string {
  if (format === "json") return jsonLine;
  if (format === undefined) return describe;
  const render = compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  return (event) => render(templateEvent(event));
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

/** Nanoseconds have more digits than a double holds. */
function jsonLine(event: EngineEvent): string {
  const { timeNano: _imprecise, ...rest } = dockerEvent(event);
  return `${printableJson(rest).slice(0, -1)},"timeNano":${event.timeNano}}`;
}

/** As docker's JSON names it. */
function dockerEvent(event: EngineEvent): Record<string, unknown> {
  const { image } = event.attributes;
  return {
    status: event.action,
    id: event.id,
    ...(event.type === "container" && image !== undefined ? { from: image } : {}),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: "local",
    time: secondsOf(event),
    timeNano: Number(event.timeNano),
  };
}

/** With the names of the fields of docker's program, which templates know and JSON does not. */
function templateEvent(event: EngineEvent): Record<string, unknown> {
  const data = dockerEvent(event);
  const fields = {
    Status: event.action,
    ID: event.id,
    From: data.from ?? "",
    Scope: "local",
    Time: data.time,
    TimeNano: event.timeNano,
  };
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(data, name, { value });
  return data;
}

function secondsOf({ timeNano }: EngineEvent): number {
  return Number(BigInt(timeNano) / 1_000_000_000n);
}
