import { once } from "node:events";
import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { EngineError, messageOf } from "../errors.ts";
import { workerURL } from "../lib/worker-url.ts";

/** A row that speaks of one in another table that is not there. */
export type LostParent = { readonly table: string; readonly rowid: number | null; readonly parent: string };

/** damage: what SQLite's integrity check says, line by line; empty where all is well. */
export type DatabaseReport = { readonly damage: readonly string[]; readonly lostParents: readonly LostParent[] };

/** Reads all of a database in a thread of its own, while others use it. A file that cannot be read is a damage. */
export async function checkDatabase(database: DatabaseSync, signal: AbortSignal): Promise<DatabaseReport> {
  const worker = new Worker(workerURL(import.meta.url, "check-database-worker"), { workerData: database.location() });
  const cancel = (): void => void worker.terminate();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const [report] = (await Promise.race([
      once(worker, "message", { signal }),
      once(worker, "exit").then(() => {
        throw new EngineError("internal", "the thread that checks the database ended");
      }),
    ])) as [DatabaseReport];
    return report;
  } catch (error) {
    if (signal.aborted) throw new EngineError("cancelled", "cancelled");
    throw error instanceof EngineError ? error : new EngineError("internal", `check database: ${messageOf(error)}`);
  } finally {
    signal.removeEventListener("abort", cancel);
    await worker.terminate();
  }
}
