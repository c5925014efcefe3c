/** Containers that got their stop signal and still have time; several clients may stop one at once. */
export class Stopping {
  readonly #deadlines = new Map<string, number[]>();
  readonly #onChange: (id: string) => void;

  constructor(onChange: (id: string) => void) {
    this.#onChange = onChange;
  }

  /** deadline: milliseconds since the epoch, or infinite. Over when it is disposed. */
  begin(id: string, deadline: number): Disposable {
    this.#set(id, [...(this.#deadlines.get(id) ?? []), deadline]);
    return {
      [Symbol.dispose]: () => {
        const left = [...(this.#deadlines.get(id) ?? [])];
        left.splice(left.indexOf(deadline), 1);
        this.#set(id, left);
      },
    };
  }

  /** When SIGKILL comes (RFC 3339), the first of several; `never`; null where it is not being stopped. */
  deadlineOf(id: string): string | null {
    const deadlines = this.#deadlines.get(id);
    if (deadlines === undefined) return null;
    const first = Math.min(...deadlines);
    return Number.isFinite(first) ? new Date(first).toISOString() : "never";
  }

  #set(id: string, deadlines: number[]): void {
    if (deadlines.length === 0) this.#deadlines.delete(id);
    else this.#deadlines.set(id, deadlines);
    this.#onChange(id);
  }
}
