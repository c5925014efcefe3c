import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const leftover = "gone-";

/**
 * Gives an empty directory `<directory>/scratch`. What an engine before has left in it is taken away beside: it may be a hundred thousand files,
 * for which no start waits.
 */
export async function openScratchDirectory(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const scratch = join(directory, "scratch");
  await rename(scratch, join(directory, `${leftover}${randomUUID()}`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await mkdir(scratch, { mode: 0o711 });
  const names = (await readdir(directory)).filter((name) => name.startsWith(leftover));
  for (const name of names) void removeLater(join(directory, name));
  return scratch;
}

/** What cannot be taken away now is tried again at the next start. */
async function removeLater(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}
