/**
 * Text that is shown again and again in the same place on a terminal: each line is written over, what is left of the old one is
 * erased behind it, so that nothing flickers. Elsewhere the texts follow each other.
 */
export class ScreenBlock {
  readonly #output: NodeJS.WriteStream;
  #height = 0;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(text: string): void {
    if (!this.#output.isTTY) {
      if (text !== "") this.#output.write(`${text}\n`);
      return;
    }
    // A block that is taller than the screen, or lines that wrap, could not be written over.
    const lines = text
      .split("\n")
      .slice(0, Math.max(1, (this.#output.rows || 24) - 1))
      .map((line) => [...line].slice(0, (this.#output.columns || 80) - 1).join(""));
    const up = this.#height === 0 ? "" : `\x1b[${this.#height}A`;
    this.#output.write(`${up}${lines.map((line) => `\r${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#height = lines.length;
  }

  /** Leaves these lines in its place, all of them: what does not fit on the screen scrolls away. */
  end(lines: readonly string[]): void {
    const up = this.#height === 0 ? "" : `\x1b[${this.#height}A`;
    this.#output.write(`${up}\r\x1b[J${lines.map((line) => `${line}\n`).join("")}`);
    this.#height = 0;
  }
}
