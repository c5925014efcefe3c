import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuildEvent, BuildRequest, BuildResult, BuildStep } from "../../engine/protocol/builds.ts";
import { emptyBuildRequest } from "../../engine/protocol/defaults.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import type { TestEngine } from "./engine.ts";

/** A build of a Dockerfile's text without a context, with nothing asked for beside. */
export function buildRequestOf(dockerfile: string, fields: Partial<BuildRequest> = {}): BuildRequest {
  return {
    ...emptyBuildRequest(randomUUID(), { type: "empty" }),
    dockerfile: { type: "text", text: dockerfile },
    network: "none",
    ...fields,
  };
}

/** What came of a build: its result or its failure, and all that was told of it. */
export type Built = {
  readonly id: string;
  readonly result: BuildResult | null;
  readonly error: { readonly code: string; readonly message: string; readonly exitCode?: number | null } | null;
  readonly events: readonly BuildEvent[];
  /** As they ended, in their order. */
  readonly steps: readonly BuildStep[];
  /** Everything that its commands wrote. */
  readonly output: string;
};

export async function runBuild(
  engine: TestEngine,
  request: BuildRequest,
  client: EngineClient = engine.client,
): Promise<Built> {
  const events: BuildEvent[] = [];
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const subscription = await client.subscribe("build", { buildID: request.buildID }, (event) => {
    events.push(event);
    if (event.type === "finished") resolve();
  });
  const answer = await client.request("builds.run", { request, detached: false }).then(
    (result) => ({ result, error: null }),
    (error) => ({ result: null, error }),
  );
  // What is refused at once never begins.
  const timer = setTimeout(resolve, 1_000);
  await finished;
  clearTimeout(timer);
  subscription.close();
  return { id: request.buildID, ...answer, events, ...gather(events) };
}

function gather(events: readonly BuildEvent[]): Pick<Built, "steps" | "output"> {
  const steps = new Map<number, BuildStep>();
  let output = "";
  for (const event of events) {
    if (event.type === "step") steps.set(event.step.id, event.step);
    if (event.type === "output") output += event.text;
  }
  return { steps: [...steps.values()].sort((one, other) => one.id - other.id), output };
}

/** `RUN make: cached`, of instructions only. */
export function statusLines({ steps }: Built): string[] {
  return steps.filter(({ number }) => number > 0).map(({ title, status }) => `${title}: ${status}`);
}

/** Fails with what the build failed with. */
export function imageOf({ result, error }: Built): string {
  if (error !== null) throw error;
  return result?.imageID ?? "";
}

export type ContextDirectory = AsyncDisposable & {
  readonly path: string;
  /** By path; a text that begins with `#!` becomes executable. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
};

/** A directory with these files, which goes with the test. */
export async function contextDirectory(files: Readonly<Record<string, string>>): Promise<ContextDirectory> {
  const path = await mkdtemp(join(tmpdir(), "gantry-context-"));
  const write = async (written: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(written)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
      if (text.startsWith("#!")) await chmod(join(path, name), 0o755);
    }
  };
  await write(files);
  return { path, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A build of a directory with its Dockerfile in it. */
export function directoryRequest(context: ContextDirectory, fields: Partial<BuildRequest> = {}): BuildRequest {
  return buildRequestOf("", {
    context: { type: "directory", path: context.path },
    dockerfile: { type: "path", path: "Dockerfile" },
    ...fields,
  });
}
