import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { unmount } from "../../engine/host/mounts.ts";

export type TempRoot = { readonly path: string; join(...parts: string[]): string } & AsyncDisposable;

/** A directory of the test's own; gone with all mounts in it, also after a failure. */
export async function tempRoot(): Promise<TempRoot> {
  const path = await mkdtemp(join(tmpdir(), "gantry-test-"));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: async () => {
      const mounts = listMounts().filter(({ target }) => target.startsWith(`${path}/`) || target === path);
      for (const { target } of mounts.reverse()) await unmount(target);
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
