import { refuse } from "./failure.ts";

/** Enough for what a kernel takes as one variable (128 KiB), many times over. */
const mostCharacters = 1024 * 1024;
/** Comparisons of characters: some 100 ms. */
const mostSteps = 1_000_000;
/** `${a:-${b:-…}}` */
const deepest = 100;

/**
 * What the expansion of variables may cost. `ENV b=$a$a`, `ENV c=$b$b` … doubles with each line, and a pattern with many stars takes a
 * product of lengths: a Dockerfile of a few lines must not take the engine's memory or time.
 */
export class Budget {
  #characters: number;
  #steps: number;
  #depth = 0;

  /** instructions: what is to be had for so many of them at once. */
  constructor(instructions = 1) {
    this.#characters = mostCharacters * instructions;
    this.#steps = mostSteps * instructions;
  }

  takeText(text: string): string {
    this.#characters -= text.length;
    if (this.#characters < 0) refuse(`variables expand to more than ${mostCharacters} characters`);
    return text;
  }

  takeSteps(count: number): void {
    this.#steps -= count;
    if (this.#steps < 0) refuse("patterns in variables take too long to match");
  }

  /** Goes one level down while `work` runs. */
  nest<T>(work: () => T): T {
    this.#depth++;
    if (this.#depth > deepest) refuse(`variables are nested more than ${deepest} deep`);
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }
}
