import stringWidth from "../../components/string-width.ts";

type Screen = { write(text: string): unknown };
type Size = { readonly columns: number; readonly rows: number };

/**
 * Lines at the end of a terminal's output that change in their places. Each frame is one write, of the lines that are not what they were:
 * nothing flickers. The cursor stands below them, out of sight.
 */
export class LiveBlock {
  readonly #screen: Screen;
  readonly #size: () => Size;
  #lines: readonly string[] = [];
  #isHidden = false;

  /** size: what the terminal has now. */
  constructor(screen: Screen, size: () => Size) {
    this.#screen = screen;
    this.#size = size;
  }

  /** No line may be wider than the terminal, nor may there be more than it has rows, less one. */
  show(lines: readonly string[]): void {
    const text = this.#change(lines);
    const hide = this.#isHidden ? "" : "\x1b[?25l";
    this.#isHidden = true;
    if (text !== "" || hide !== "") this.#screen.write(`${hide}${text}`);
  }

  /** After the terminal has got another size: what it has made of our lines is wiped away, the next frame is drawn anew. */
  wipe(): void {
    this.#screen.write(this.#wiping());
    this.#lines = [];
  }

  /** Leaves these lines, all of them, in place of the block: what does not fit scrolls away. */
  end(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join("");
    this.#screen.write(`${this.#wiping()}${text}${this.#isHidden ? "\x1b[?25h" : ""}`);
    this.#lines = [];
    this.#isHidden = false;
  }

  /** Where the process ends without an end of ours. */
  showCursor(): void {
    if (this.#isHidden) this.#screen.write("\x1b[?25h");
    this.#isHidden = false;
  }

  /** Terminals break lines that have become too long, and the block is higher then. */
  #wiping(): string {
    const { columns, rows } = this.#size();
    const height = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
    const up = Math.min(height, rows - 1);
    return `${up === 0 ? "" : `\x1b[${up}A`}\r\x1b[J`;
  }

  #change(lines: readonly string[]): string {
    const before = this.#lines;
    let text = "";
    let row = before.length;
    const move = (to: number) => {
      if (to < row) text += `\x1b[${row - to}A`;
      if (to > row) text += `\x1b[${to - row}B`;
      row = to;
    };
    for (const [index, line] of lines.entries()) {
      if (line === before[index]) continue;
      move(index);
      text += `\r${line}\x1b[K`;
      if (index < before.length) continue;
      text += "\n";
      row += 1;
    }
    const isShorter = lines.length < before.length;
    if (text !== "" || isShorter) {
      move(lines.length);
      text += isShorter ? "\r\x1b[J" : "\r";
    }
    this.#lines = [...lines];
    return text;
  }
}
