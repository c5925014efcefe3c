import { EngineError } from "../errors.ts";
import { listMounts, type MountEntry } from "./mountinfo.ts";

/** Node's file calls have four threads for all of the engine: so many may be lost to disks and servers that never answer. */
const mostThreads = 3;
const mostAtOnce = 2;

type Mount = Pick<MountEntry, "id" | "target">;
/** What hangs as one: the id of a mount, or a name. */
type Place = number | string | null;
/** over: when it was answered, or is waited for no longer. */
type Question = { readonly path: string; readonly name: string | null; readonly over: Promise<void> };
/** subject: what it is about, for people. place: what hangs as one, where that is no mount of the host's own; else the path's mount. */
export type About = { readonly subject?: string; readonly place?: string };
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
  /** Paths without an answer, where they were, and that for people. */
  readonly #hanging = new Set<{ readonly path: string; readonly place: Place; readonly where: string }>();
  readonly #options: DiskOptions;

  constructor(options: Partial<DiskOptions> = {}) {
    this.#options = { patience: 20_000, listMounts, ...options };
  }

  /** The answer of `ask`, which touches nothing but `path`. Fails with `failed-precondition` where none comes. */
  async ask<Answer>(path: string, ask: () => Promise<Answer>, about: About = {}): Promise<Answer> {
    for (let before = this.#before(path, about); before !== null; before = this.#before(path, about)) await before;
    const { promise: over, resolve: leave } = Promise.withResolvers<void>();
    const question = { path, name: about.place ?? null, over };
    this.#asked.add(question);
    const answer = ask();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#giveUp(path, answer, about)), this.#options.patience);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      this.#asked.delete(question);
      leave();
    }
  }

  /** Opens something; what is opened too late is given to `close`. Else as `ask`. */
  async open<Opened>(
    path: string,
    open: () => Promise<Opened>,
    { close, ...about }: About & { readonly close: (opened: Opened) => void },
  ): Promise<Opened> {
    let isLate = false;
    const opening = async () => {
      const opened = await open();
      if (isLate) close(opened);
      return opened;
    };
    try {
      return await this.ask(path, opening, about);
    } catch (error) {
      isLate = true;
      throw error;
    }
  }

  #giveUp(path: string, answer: Promise<unknown>, { subject, place }: About): EngineError {
    const where = place === undefined ? ` at ${path}` : ` from ${subject ?? path}`;
    const hanging = { path, where, place: place ?? mountOf(path, this.#options.listMounts()) };
    this.#hanging.add(hanging);
    const forget = (): void => void this.#hanging.delete(hanging);
    answer.then(forget, forget);
    return hangs(subject ?? `bind source ${path}`);
  }

  /** What to wait for first; null: nothing. Mostly nobody else asks, and the mounts are not looked at. */
  #before(path: string, about: About): Promise<unknown> | null {
    // A host may have thousands of mounts: they are looked at only where paths are to be told apart.
    let mounts: readonly Mount[] | null = null;
    const mountAt = (at: string): Place => {
      mounts ??= this.#options.listMounts();
      return mountOf(at, mounts);
    };
    const isOwn = (place: Place) => place === (about.place ?? (typeof place === "string" ? null : mountAt(path)));
    for (const hanging of this.#hanging) {
      if (this.#hanging.size < mostThreads && !isOwn(hanging.place)) continue;
      throw hangs(about.subject ?? `bind source ${path}`, path === hanging.path ? "" : hanging.where);
    }
    const asked = [...this.#asked];
    const same = asked.find(({ name, path: other }) => {
      if (name !== null || about.place !== undefined) return name === about.place;
      return isOwn(mountAt(other));
    });
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

/** where: what gave no answer, where that is something else. */
function hangs(subject: string, where = ""): EngineError {
  return new EngineError("failed-precondition", `${subject}: the host gets no answer${where}`, {
    hint: "its disk or network share is dead: mount it anew, or give it up with umount -l",
    exitCode: 125,
  });
}

export const patientDisk: PatientDisk = new PatientDisk();
