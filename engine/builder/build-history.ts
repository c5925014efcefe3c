import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { decodeJson } from "../lib/json.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import { buildMethods, buildRequest } from "../protocol/builds.ts";
import { OutputTail } from "./step-output.ts";

/** Builds that are remembered, and bytes of memory that they take. */
const keptBuilds = 50;
const keptBytes = 32 * 1024 * 1024;
/** Characters of output that are kept of one past build, the last ones of each step. */
const keptCharacters = 2 * 1024 * 1024;

const inspected = buildMethods["builds.inspect"].result;
const diffIDs = z.array(z.string());

/** What a retry and a look into a failed step need. */
const pastBuild = z.object({
  version: z.literal(1),
  facts: inspected,
  /** Without secrets and credentials. */
  request: buildRequest,
  /** Of the step that failed; null: there is nothing to see. */
  failed: z.nullable(
    z.object({
      chain: diffIDs,
      environment: z.array(z.string()),
      user: z.string(),
      workingDirectory: z.string(),
      shell: z.array(z.string()),
    }),
  ),
});
export type PastBuild = z.infer<typeof pastBuild>;
export type FailedState = NonNullable<PastBuild["failed"]>;

const keptOutput = z.array(
  z.object({ step: z.number(), stream: z.union([z.literal(1), z.literal(2)]), text: z.string() }),
);

/** `<root>/build/records/<id>.json`, and `<id>.log` with the output. Of a build that is under way there is the first with status `running`. */
export class BuildHistory {
  readonly #directory: string;
  /** A build's beginning is written before its end. */
  readonly #queue = new KeyedQueue();

  constructor(root: string) {
    this.#directory = join(root, "build", "records");
  }

  /** All that can be read, the oldest first. */
  async open(): Promise<PastBuild[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith(".json"));
    const builds = await Promise.all(names.map((name) => this.#read(name)));
    return builds
      .filter((build) => build !== null)
      .sort((one, other) => (one.facts.summary.startedAt < other.facts.summary.startedAt ? -1 : 1));
  }

  /** Not durable against a power cut: nobody's work is lost with it. */
  write(build: PastBuild, outputs: ReadonlyMap<number, OutputTail>): Promise<void> {
    const { id } = build.facts.summary;
    return this.#queue.run(id, async () => {
      if (outputs.size > 0) await replaceFile(this.#path(id, "log"), formatOutputs(outputs));
      await replaceFile(this.#path(id, "json"), JSON.stringify(build));
    });
  }

  /** Resolves when all is written. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Once what is on its way is written: a build that has only just ended has its output, too. */
  outputsOf(id: string): Promise<ReadonlyMap<number, OutputTail>> {
    return this.#queue.run(id, () => this.#readOutputs(id));
  }

  async #readOutputs(id: string): Promise<ReadonlyMap<number, OutputTail>> {
    const outputs = new Map<number, OutputTail>();
    const path = this.#path(id, "log");
    const parsed = keptOutput.safeParse(await readFile(path).then(decode, () => []));
    for (const { step, ...output } of parsed.data ?? []) {
      const tail = outputs.get(step) ?? new OutputTail();
      outputs.set(step, tail);
      tail.add(output);
    }
    return outputs;
  }

  remove(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      await Promise.all(["json", "log"].map((ending) => rm(this.#path(id, ending), { force: true })));
    });
  }

  #path(id: string, ending: string): string {
    return join(this.#directory, `${id}.${ending}`);
  }

  /** Null for a file that was cut off: it goes. */
  async #read(name: string): Promise<PastBuild | null> {
    const path = join(this.#directory, name);
    const parsed = pastBuild.safeParse(await readFile(path).then(decode, () => null));
    if (parsed.success && `${parsed.data.facts.summary.id}.json` === name) return parsed.data;
    await this.remove(name.slice(0, -".json".length));
    return null;
  }
}

/** Which of these builds, the oldest first, are too many or too large to be remembered. */
export function findForgotten(builds: Iterable<PastBuild>): string[] {
  let count = 0;
  let bytes = 0;
  const newestFirst = [...builds].reverse();
  return newestFirst.flatMap((build) => {
    bytes += sizeOf(build);
    return ++count <= keptBuilds && (bytes <= keptBytes || count === 1) ? [] : [build.facts.summary.id];
  });
}

/** Bytes of memory, about. */
function sizeOf({ facts, request }: PastBuild): number {
  const { dockerfile } = request;
  const written = facts.dockerfile.length + (dockerfile.type === "text" ? dockerfile.text.length : 0);
  return written * 2 + facts.steps.reduce((sum, step) => sum + 500 + step.title.length, 0);
}

/** Whole or not at all, but for a power cut. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function decode(bytes: Buffer): unknown {
  try {
    return decodeJson(bytes, "a build's record");
  } catch {
    return null;
  }
}

/** The last steps' output first of all. */
function formatOutputs(outputs: ReadonlyMap<number, OutputTail>): string {
  let room = keptCharacters;
  const kept: { step: number; stream: 1 | 2; text: string }[] = [];
  for (const [step, { texts }] of [...outputs].reverse()) {
    for (const { stream, text } of texts.toReversed()) {
      if (room <= 0) break;
      kept.push({ step, stream, text: text.slice(-room) });
      room -= text.length;
    }
  }
  return JSON.stringify(kept.reverse());
}
