import type { CacheLocation } from "../../protocol/builds.ts";
import { exportCache } from "../cache/export-cache.ts";
import { type ImportedCache, openImportedCache } from "../cache/import-cache.ts";
import { credentialsFor } from "./base-images.ts";
import type { Build } from "./build.ts";
import type { StageState } from "./stage-state.ts";

/** Reads what `--cache-from` names; null where it names nothing. */
export async function importCaches(build: Build): Promise<ImportedCache | null> {
  const { request, log, signal } = build;
  if (request.cacheFrom.length === 0) return null;
  const title = `import cache ${request.cacheFrom.map(nameOf).join(", ")}`;
  return inRow(build, title, (stepID) =>
    openImportedCache(request.cacheFrom, partsOf(build), { signal, onNote: (note) => log.note(stepID, note) }),
  );
}

/** Brings what was made to where `--cache-to` names. Fails as that does. */
export async function exportCaches(build: Build, { chain }: StageState): Promise<void> {
  const { request, log, signal, steps } = build;
  for (const target of request.cacheTo) {
    await inRow(build, `export cache ${nameOf(target)}`, (stepID) =>
      exportCache(target, { steps, chain }, partsOf(build), { signal, onNote: (note) => log.note(stepID, note) }),
    );
  }
}

async function inRow<T>({ log, signal }: Build, title: string, work: (stepID: number) => Promise<T>): Promise<T> {
  const stepID = log.plan({ stage: "", number: 0, total: 0, title, line: 0 });
  log.begin(stepID);
  try {
    const result = await work(stepID);
    log.end(stepID, { status: "done" });
    return result;
  } catch (error) {
    const status = signal.aborted ? "cancelled" : "failed";
    log.end(stepID, { status, error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function partsOf({ parts, request, scratch }: Build) {
  return {
    registries: parts.registries,
    layers: parts.layers,
    scratch,
    credentialsFor: (reference: string) => credentialsFor(reference, request.credentials),
  };
}

function nameOf(location: CacheLocation): string {
  return location.type === "local" ? location.path : location.reference;
}
