import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../engines.ts";
import { runCommand } from "../measure.ts";

const parent = "/sys/fs/cgroup";
const unified = `${parent}/unified`;

/** Where a hierarchy of this controller is mounted, in a mount namespace of the caller's own. */
export function mountHierarchy(name: string): void {
  runCommand(["mount", "-t", "cgroup", "-o", name, "cgroup", join(parent, name)]);
}

/**
 * crun takes cgroups v1 only where the cgroup2 hierarchy beside them holds no controller. Those that it does hold are to get hierarchies of
 * their own, with mountHierarchy(); at the end they go back. A hierarchy stays in the kernel as long as a cgroup is in it, also where nobody
 * has it mounted any more, so all that engines have left there is removed.
 */
export class OwnHierarchies implements AsyncDisposable {
  readonly names: readonly string[];
  readonly #made: readonly string[];

  constructor() {
    const file = `${unified}/cgroup.controllers`;
    this.names = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean) : [];
    this.#made = this.names.map((name) => join(parent, name)).filter((path) => !existsSync(path));
    for (const path of this.#made) mkdirSync(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.names) {
      const place = mkdtempSync(join(tmpdir(), "gb-cgroup-"));
      runCommand(["mount", "-t", "cgroup", "-o", name, "cgroup", place]);
      try {
        for (const child of childrenOf(place)) await removeCgroup(join(place, child));
      } finally {
        runCommand(["umount", place]);
        rmdirSync(place);
      }
    }
    for (const path of this.#made) rmdirSync(path);
  }
}

/** What was killed a moment ago takes a while to leave. */
async function removeCgroup(path: string): Promise<void> {
  for (const child of childrenOf(path)) await removeCgroup(join(path, child));
  await until(() => rmdirSync(path), 5000);
}

function childrenOf(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
