import { checkDatabase, type LostParent } from "../database/check-database.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import type { FsckRun } from "./fsck-parts.ts";
import { neededBytes } from "./needed-bytes.ts";

/** Looks at the database as a file: its structure, and rows that speak of what is not there. */
export async function checkTables(run: FsckRun): Promise<void> {
  const { damage, lostParents } = await checkDatabase(run.database, run.signal);
  if (damage.length > 0) {
    const isIndexOnly = damage.every((line) => / index /.test(line));
    await run.findings.add({
      kind: "database",
      object: "database",
      problem: `is damaged: ${damage.slice(0, 3).join("; ").slice(0, 300)}`,
      ...(isIndexOnly
        ? { repair: "its indexes were made anew", act: () => run.database.exec("REINDEX") }
        : { hint: "stop the engine and restore gantry.db from a backup; images can be pulled or loaded again" }),
    });
  }
  for (const lost of lostParents) await addLostParent(lost, run);
  for (const { id, title } of run.leases.strays()) {
    await run.findings.add({
      kind: "database",
      object: `lease of ${title}`,
      problem: "holds bytes for a work that does not go on",
      repair: "ended",
      act: () => run.leases.drop(id),
    });
  }
}

async function addLostParent({ table, rowid, parent }: LostParent, run: FsckRun): Promise<void> {
  const finding = {
    kind: "database",
    object: table,
    problem: `row ${rowid} speaks of ${parent} that is not there`,
  } as const;
  if (table === "containers" || rowid === null || !/^[a-z_]+$/.test(table)) {
    return await run.findings.add({ ...finding, hint: "remove the container with `gantry rm -f`" });
  }
  await run.findings.add({
    ...finding,
    repair: "removed",
    act: () => void run.database.prepare(`DELETE FROM ${table} WHERE rowid = ?`).run(rowid),
  });
}

/** Bytes that nobody needs: sweeps should have taken them. To be called last, since what was wrong may have held something. */
export async function checkOrphans(run: FsckRun): Promise<void> {
  const { blobs, layers } = run;
  const sweep = () => run.sweeper.request();
  // What has lost its name while it was looked at goes first, as it would have gone.
  if (run.sweeper.count !== run.sweeps) await sweep();
  for (const object of await findTwice(run, () => orphanBlobs(run))) {
    const problem = "no image, and nothing that is being made, needs it";
    await run.findings.add({ kind: "blob", object, problem, repair: "removed", act: sweep });
  }
  for (const object of await findTwice(run, async () => orphanLayers(run))) {
    const problem = "no image, and no container, needs it";
    await run.findings.add({ kind: "layer", object, problem, repair: "removed", act: sweep });
  }
  for (const object of await findTwice(run, () => layers.upkeep.strangers())) {
    const problem = "is a directory without a record";
    const act = () => layers.upkeep.discardStranger(object);
    await run.findings.add({ kind: "layer", object, problem, repair: "removed", act });
  }
  for (const object of await findTwice(run, async () => (run.isBusy() ? [] : await blobs.strayIngests()))) {
    const problem = "is an unfinished blob that nothing goes on with";
    const act = () => blobs.removeStray(object);
    await run.findings.add({ kind: "blob", object, problem, repair: "removed", act });
  }
}

/** What is being taken away at this moment is no finding: only what is found again when all sweeps have ended. */
async function findTwice<T extends string>(run: FsckRun, find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let found: readonly T[] | null = null;
  for (let look = 0; look < 2 && (found === null || found.length > 0); look++) {
    await run.sweeper.idle();
    const again = new Set(await find());
    found = found === null ? [...again] : found.filter((one) => again.has(one));
  }
  return found ?? [];
}

async function orphanBlobs({ blobs, records }: FsckRun): Promise<Digest[]> {
  const present = await blobs.list();
  // No await from here on: whoever makes something holds it first.
  const needed = neededBytes(records.list()).blobs;
  const orphans = present.filter((digest) => !needed.has(digest) && !blobs.isHeld(digest));
  // It may have gone while the directory was read.
  const still = await Promise.all(orphans.map((digest) => blobs.has(digest)));
  return orphans.filter((_, index) => still[index]);
}

function orphanLayers({ layers, records, alsoNeeded }: FsckRun): DiffID[] {
  const chains = [...neededBytes(records.list()).chains, ...alsoNeeded()];
  const names = new Set(chains.flatMap((chain) => layers.upkeep.namesOf(chain)));
  const orphans = layers.upkeep.list().filter(({ name }) => !names.has(name) && !layers.upkeep.isNeeded(name));
  return orphans.map(({ diffID }) => diffID);
}
