import { checkDatabase, type LostParent } from "../database/check-database.ts";
import type { Digest } from "../oci/digest.ts";
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
  await (run.sweeper.count === run.sweeps ? run.sweeper.idle() : run.sweeper.request());
  for (const digest of await findOrphanBlobs(run)) {
    const problem = "no image, and nothing that is being made, needs it";
    await run.findings.add({ kind: "blob", object: digest, problem, repair: "removed", act: sweep });
  }
  const needed = neededBytes(run.records.list());
  const names = new Set(needed.chains.flatMap((chain) => layers.upkeep.namesOf(chain)));
  for (const { name, diffID } of layers.upkeep.list()) {
    if (names.has(name) || layers.upkeep.isNeeded(name)) continue;
    const problem = "no image, and no container, needs it";
    await run.findings.add({ kind: "layer", object: diffID, problem, repair: "removed", act: sweep });
  }
  for (const name of await layers.upkeep.strangers()) {
    const act = () => layers.upkeep.discardStranger(name);
    await run.findings.add({
      kind: "layer",
      object: name,
      problem: "is a directory without a record",
      repair: "removed",
      act,
    });
  }
  if (run.isBusy()) return;
  for (const name of await blobs.strayIngests()) {
    const act = () => blobs.removeStray(name);
    const problem = "is an unfinished blob that nothing goes on with";
    await run.findings.add({ kind: "blob", object: name, problem, repair: "removed", act });
  }
}

async function findOrphanBlobs({ blobs, records }: FsckRun): Promise<Digest[]> {
  const present = await blobs.list();
  // No await from here on: whoever makes something holds it first.
  const needed = neededBytes(records.list()).blobs;
  const orphans = present.filter((digest) => !needed.has(digest) && !blobs.isHeld(digest));
  const still = await Promise.all(orphans.map((digest) => blobs.has(digest)));
  return orphans.filter((_, index) => still[index]);
}
