import { createHash } from "node:crypto";
import type { BuildEvent, BuildStep } from "../../../engine/protocol/builds.ts";
import { printableJson } from "../printable.ts";
import type { StepTitles } from "./build-model.ts";

/** One event a line, as the engine tells it. */
export function jsonLine(event: BuildEvent): string {
  return printableJson(event);
}

/**
 * The same as BuildKit's SolveStatus (its client/graph.go), which programs that read `--progress rawjson` of docker know. Null where it has
 * no word for it.
 */
export function rawJsonLine(event: BuildEvent, titles: StepTitles, now: number): string | null {
  const status = statusOf(event, titles, now);
  return status === null ? null : printableJson(status);
}

function statusOf(event: BuildEvent, titles: StepTitles, now: number): object | null {
  switch (event.type) {
    case "step":
      return { vertexes: [vertexOf(event.step, titles)] };
    case "output": {
      const { step, stream, text } = event;
      const data = Buffer.from(text).toString("base64");
      return { logs: [{ vertex: digestOf(step), stream, data, timestamp: new Date(now).toISOString() }] };
    }
    case "warning": {
      const { rule, message, description, url, line } = event.warning;
      const range = line === 0 ? [] : [{ start: { line }, end: { line } }];
      const short = Buffer.from(`${rule}: ${message} (line ${line})`).toString("base64");
      const detail = [Buffer.from(description).toString("base64")];
      return { warnings: [{ level: 1, short, detail, url, range }] };
    }
    case "finished":
      return null;
  }
}

function vertexOf(step: BuildStep, titles: StepTitles): object {
  const { id, status, startedAt, endedAt, error } = step;
  return {
    digest: digestOf(id),
    name: titles.of(step),
    ...(startedAt === null ? {} : { started: startedAt }),
    ...(endedAt === null ? {} : { completed: endedAt }),
    ...(status === "cached" ? { cached: true } : {}),
    ...(error === "" ? {} : { error }),
  };
}

/** BuildKit names its steps by digests; ours have numbers. */
function digestOf(id: number): string {
  return `sha256:${createHash("sha256").update(`step ${id}`).digest("hex")}`;
}
