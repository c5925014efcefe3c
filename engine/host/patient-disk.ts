import { EngineError } from "../errors.ts";
import { listMounts, type MountEntry } from "./mountinfo.ts";

/** Node's file calls have four threads for all of the engine: so many may be lost to disks and servers that never answer. */
const mostThreads = 3;
const mostAtOnce = 2;

/** over: when it was answered, or is waited for no longer. */
type Question = { readonly path: string; readonly over: Promise<void> };
type Mount = Pick<MountEntry, "id" | "target">;
export type DiskOptions = {
  /** How long a disk may take to answer, in ms: one that sleeps has to spin up. */
  readonly patience: number;
  readonly listMounts: () => readonly Mount[];
};

/**
 * File calls on paths that users name, which may lie on a dead disk or network share: such a call never comes back, and nothing ends it.
 * One at a time for each mount, so that a dead one takes no more than a thread; who asks there again is refused at once.
 */
export class PatientDisk {
  readonly #asked = new Set<Question>();
  /** Paths without an answer, and the mounts they were on. */
  readonly #hanging = new Set<{ readonly path: string; readonly mount: number | null }>();
  readonly #options: DiskOptions;

  constructor(options: Partial<DiskOptions> = {}) {
    this.#options = { patience: 20_000, listMounts, ...options };
  }

  /** The answer of `ask`, which touches nothing but `path`. Fails with `failed-precondition` where none comes. */
  async ask<Answer>(path: string, ask: () => Promise<Answer>): Promise<Answer> {
    for (let before = this.#before(path); before !== null; before = this.#before(path)) await before;
    const { promise: over, resolve: leave } = Promise.withResolvers<void>();
    const question = { path, over };
    this.#asked.add(question);
    const answer = ask();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#giveUp(path, answer)), this.#options.patience);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      this.#asked.delete(question);
      leave();
    }
  }

  #giveUp(path: string, answer: Promise<unknown>): EngineError {
    const hanging = { path, mount: mountOf(path, this.#options.listMounts()) };
    this.#hanging.add(hanging);
    const forget = (): void => void this.#hanging.delete(hanging);
    answer.then(forget, forget);
    return hangs(path, path);
  }

  /** What to wait for first; null: nothing. Mostly nobody else asks, and the mounts are not looked at. */
  #before(path: string): Promise<unknown> | null {
    if (this.#asked.size + this.#hanging.size === 0) return null;
    const mounts = this.#options.listMounts();
    const own = mountOf(path, mounts);
    for (const hanging of this.#hanging) {
      if (hanging.mount === own || this.#hanging.size >= mostThreads) throw hangs(path, hanging.path);
    }
    const asked = [...this.#asked];
    const same = asked.find((question) => mountOf(question.path, mounts) === own);
    if (same !== undefined) return same.over;
    const hasRoom = asked.length < Math.min(mostAtOnce, mostThreads - this.#hanging.size);
    return hasRoom ? null : Promise.race(asked.map(({ over }) => over));
  }
}

/** The id of the deepest mount above it, of several at one place the one that hides the others. */
function mountOf(path: string, mounts: readonly Mount[]): number | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const { target } = mount;
    if (path !== target && !path.startsWith(target === "/" ? "/" : `${target}/`)) continue;
    if (found === null || target.length >= found.target.length) found = mount;
  }
  return found?.id ?? null;
}

function hangs(path: string, hanging: string): EngineError {
  const where = path === hanging ? "" : ` at ${hanging}`;
  return new EngineError("failed-precondition", `bind source ${path}: the host gets no answer${where}`, {
    hint: "its disk or network share is dead: mount it anew, or give it up with umount -l",
    exitCode: 125,
  });
}

export const patientDisk: PatientDisk = new PatientDisk();
