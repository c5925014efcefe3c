import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Cgroups } from "../host/cgroups.ts";

/**
 * Cgroups of a user's choice that were not there before: they go with the last container in them. What a user has made stays. Known by an
 * empty file each, `<run>/cgroup-parents/<path>`, of the highest one that was made.
 */
export class MadeCgroups {
  readonly #directory: string;
  readonly #cgroups: Cgroups;

  constructor(run: string, cgroups: Cgroups) {
    this.#directory = join(run, "cgroup-parents");
    this.#cgroups = cgroups;
  }

  /** Before a runtime makes the cgroup of a container there. */
  async note(cgroupPath: string): Promise<void> {
    let highest: string | null = null;
    for (let path = dirname(cgroupPath); path !== "/" && !this.#exists(path); path = dirname(path)) highest = path;
    if (highest === null) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeFile(join(this.#directory, encodeURIComponent(highest)), "");
  }

  /** After that cgroup is gone. */
  async tidy(cgroupPath: string): Promise<void> {
    const made = (await readdir(this.#directory).catch(() => [])).map(decodeURIComponent);
    for (let path = dirname(cgroupPath); path !== "/"; path = dirname(path)) {
      if (!made.some((highest) => path === highest || path.startsWith(`${highest}/`))) return;
      if (!(await this.#cgroups.tryRemove(path))) return;
      if (made.includes(path)) await rm(join(this.#directory, encodeURIComponent(path)), { force: true });
    }
  }

  #exists(path: string): boolean {
    return this.#cgroups.directoriesOf(path).some((directory) => existsSync(directory));
  }
}
