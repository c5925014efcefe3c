import { EngineError } from "../../errors.ts";
import { familiarReference, parseTaggedReference } from "../../oci/reference.ts";
import type { CacheRecord } from "../../protocol/builds.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { dockerWords } from "../docker-words.ts";
import { JsonLines } from "../json-lines.ts";
import { untilOf } from "../prune-filters.ts";
import type { Route } from "../router.ts";
import { withUpload } from "../upload-body.ts";
import { BuildLines } from "./build-lines.ts";
import { toBuildRequest } from "./build-request.ts";

/** docker's classic builder. BuildKit's clients are told how to use it. */
export function buildRoutes(parts: ServerParts): Route[] {
  return [
    { method: "POST", path: "/build", handle: (call) => build(parts, call) },
    { method: "POST", path: "/build/prune", handle: (call) => prune(parts, call) },
    { method: "POST", path: "/build/cancel", handle: (call) => cancel(parts, call) },
  ];
}

/** Lines that are kept of a quiet build, for its failure. */
const keptLines = 1_000;

async function build(parts: ServerParts, call: ApiCall): Promise<void> {
  const { builds } = parts;
  await withUpload(call, async (body) => {
    const request = toBuildRequest(call);
    const lines = new JsonLines(call);
    const isQuiet = call.flag("q");
    const kept: object[] = [];
    const send = (line: object): void => {
      if (!isQuiet) lines.send(line);
      else if (kept.push(line) > keptLines) kept.shift();
    };
    const told = new BuildLines({
      send,
      findImage: (name) => findImage(parts, name),
      nameImage: familiarName,
      isFresh: request.noCache,
      isCongested: () => call.response.writableNeedDrain,
      removes: call.flag("rm", true) || call.flag("forcerm"),
      dockerfile: () => builds.inspect(request.buildID).dockerfile,
      labels: request.labels,
    });
    const detach = builds.watch(request.buildID, (event) => told.take(event));
    try {
      const context = request.context.type === "stream" ? body : null;
      const { imageID } = await builds.run(request, { context, output: null }, call.signal);
      const names = request.tags.map((tag) => familiarReference(parseTaggedReference(tag)));
      const id = imageID ?? "";
      if (isQuiet) lines.send({ stream: `${id}\n` });
      else told.end(id, { names, unused: unusedArguments(parts, request.buildID, request.buildArgs) });
      lines.end();
    } catch (error) {
      for (const line of kept) lines.send(line);
      const failure = inDockersWords(error);
      if (!lines.isBegun) throw failure;
      fail(lines, failure);
    } finally {
      detach();
    }
  });
}

/** Itself where it is none, as with a variable in it. */
function familiarName(reference: string): string {
  try {
    return familiarReference(parseTaggedReference(reference));
  } catch {
    return reference;
  }
}

function findImage({ images }: ServerParts, name: string): string | null {
  try {
    return images.resolve(name).id;
  } catch {
    return null;
  }
}

/** Everybody's, without an ARG (Dockerfile reference, "Predefined ARGs"). */
const predefined = /^(?:https?|ftp|no|all)_proxy$/i;

/** Those that no ARG of the Dockerfile names. */
function unusedArguments(
  { builds }: ServerParts,
  buildID: string,
  buildArgs: Readonly<Record<string, string>>,
): readonly string[] {
  const { dockerfile } = builds.inspect(buildID);
  const lines = dockerfile.split("\n").filter((line) => /^\s*(?:ONBUILD\s+)?ARG\s/i.test(line));
  const asked = new Set(lines.flatMap((line) => line.split(/[\s=]+/)));
  return Object.keys(buildArgs).filter((name) => !asked.has(name) && !predefined.test(name));
}

/** Sentences of the classic builder that programs look at. */
function inDockersWords(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const missing = /^failed to read dockerfile: open (.*): no such file or directory$/s.exec(error.message)?.[1];
  if (missing !== undefined) {
    return new ApiError(400, `Cannot locate specified Dockerfile: ${missing}`);
  }
  const target = /^target stage "(.*)" could not be found$/s.exec(error.message)?.[1];
  if (target !== undefined) return new ApiError(400, `failed to reach build target ${target} in Dockerfile`);
  const source = /^stage .*, line \d+: "\/?(.*)": not found$/s.exec(error.message)?.[1];
  if (source === undefined) return error;
  const why = `file not found in build context or excluded by .dockerignore: stat ${source}: file does not exist`;
  return new EngineError("not-found", `COPY failed: ${why}`, { cause: error });
}

/** In docker's words, and with the exit code of the command that failed. */
function fail(lines: JsonLines, error: unknown): void {
  const failed = /process ("(?:[^"\\]|\\.)*") did not complete successfully: exit code: (\d+)/s.exec(
    dockerWords(error),
  );
  if (failed === null) {
    lines.fail(error);
    return;
  }
  const [, quoted = '""', code = "1"] = failed;
  const message = `The command '${JSON.parse(quoted)}' returned a non-zero code: ${code}`;
  lines.send({ errorDetail: { code: Number(code), message }, error: message });
  lines.end();
}

const pruneFilters = ["until", "unused-for", "id", "type", "parent", "description", "inuse", "shared", "private"];

async function prune({ builds }: ServerParts, call: ApiCall): Promise<void> {
  const filters = call.filters(pruneFilters);
  const unknown = ["parent", "description", "inuse", "shared", "private"].find((name) => filters.has(name));
  if (unknown !== undefined)
    throw new EngineError("unimplemented", `filter ${unknown} of a build cache is not supported`);
  const { removed, bytes } = await builds.prune({
    all: call.flag("all"),
    keepStorage: call.integer("keep-storage") ?? call.integer("max-used-space"),
    until: untilOf(filters),
    types: [...(filters.get("type") ?? [])],
    ids: [...(filters.get("id") ?? [])],
  });
  call.reply(200, { CachesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes });
}

/** One that is not known, or has ended, is cancelled already. */
function cancel({ builds }: ServerParts, call: ApiCall): void {
  const id = call.text("id");
  if (id === "") throw new EngineError("invalid-argument", "build ID not provided");
  try {
    builds.cancel(id);
  } catch (error) {
    const isOver = error instanceof EngineError && ["not-found", "failed-precondition"].includes(error.code);
    if (!isOver) throw error;
  }
  call.end(200);
}

/** A row of `GET /system/df`. */
export function formatCache(record: CacheRecord, version: number): object {
  const { id, parents, type, description, inUse, shared, size, createdAt, lastUsedAt, usageCount } = record;
  const [Parent = ""] = parents;
  return {
    ID: id,
    // Several since 1.42.
    ...(version < 42 ? { Parent } : { Parents: parents }),
    Type: type,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: size,
    CreatedAt: createdAt,
    LastUsedAt: lastUsedAt,
    UsageCount: usageCount,
  };
}
