import { readFileSync } from "node:fs";

/** Milliseconds between two looks. A creation takes less than one, mostly. */
const interval = 1000;

/**
 * Looks whether a conmon that has not reported yet still has a runtime to wait for. Where that was killed (by the kernel for want of memory, by
 * a person) after it had made the container's first process, conmon waits for ever: it reads the runtime's complaints to their end, and
 * the process, which waits to be started, holds the pipe open. `lost` resolves then, and never otherwise.
 */
export class CreationWatch implements Disposable {
  readonly lost: Promise<null>;
  readonly #timer: NodeJS.Timeout;
  #looksWithout = 0;
  #isLost = false;

  constructor(findConmon: () => number | null) {
    const { promise, resolve } = Promise.withResolvers<null>();
    this.lost = promise;
    this.#timer = setInterval(() => {
      const conmon = findConmon();
      const isWaiting = conmon === null || hasCreation(conmon);
      // Twice: its report may be on its way.
      this.#looksWithout = isWaiting ? 0 : this.#looksWithout + 1;
      if (this.#looksWithout < 2) return;
      this.#isLost = true;
      resolve(null);
    }, interval);
    this.#timer.unref();
  }

  /** What to say of it; null while nothing is lost. */
  get complaint(): string | null {
    return this.#isLost ? "the runtime was killed" : null;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** True as well where the kernel does not tell (CONFIG_PROC_CHILDREN). */
function hasCreation(conmon: number): boolean {
  try {
    const children = readFileSync(`/proc/${conmon}/task/${conmon}/children`, "latin1").split(" ");
    return children.some((pid) => pid !== "" && isCreation(pid));
  } catch {
    return true;
  }
}

/** `runc … create …`, or `restore` from a checkpoint; the container's own first process is `runc init`. */
function isCreation(pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
    return words.includes("create") || words.includes("restore");
  } catch {
    return false;
  }
}
