import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type IPty, spawn } from "@lydell/node-pty";
import xterm from "@xterm/headless";

/** The command as users have it; a build that lies elsewhere is tested by naming its directory in GANTRY_TEST_DIST. */
const dist = process.env.GANTRY_TEST_DIST;
export const gantryProgram: readonly string[] =
  dist === undefined
    ? [fileURLToPath(new URL("../../bin/gantry", import.meta.url))]
    : [process.execPath, "--", join(dist, "gantry.cjs")];

export type TerminalOptions = {
  readonly command: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string>>;
};

const keys: Readonly<Record<string, string>> = {
  enter: "\r",
  esc: "\u001b",
  tab: "\t",
  "shift+tab": "\u001b[Z",
  up: "\u001b[A",
  down: "\u001b[B",
  pageup: "\u001b[5~",
  pagedown: "\u001b[6~",
  "ctrl+c": "\u0003",
  "ctrl+d": "\u0004",
  "ctrl+l": "\u000c",
};

/** A program in a terminal of its own, and the screen as a person would see it. Disposing kills the program. */
export class TestTerminal implements AsyncDisposable {
  readonly exited: Promise<number>;
  readonly #pty: IPty;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #chunks: Buffer[] = [];
  #running = true;

  constructor(options: TerminalOptions) {
    const { columns = 120, rows = 40 } = options;
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
    const [file = "", ...args] = options.command;
    this.#pty = spawn(file, args, {
      name: "xterm-256color",
      cols: columns,
      rows,
      encoding: null,
      env: { ...cleanEnvironment(), LANG: "C.UTF-8", COLORTERM: "truecolor", ...options.environment },
    });
    this.#pty.onData((data: string | Buffer) => {
      const bytes = Buffer.from(data);
      this.#chunks.push(bytes);
      this.#screen.write(bytes);
    });
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#running = false;
        resolve(signal ? 128 + signal : exitCode);
      });
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** Everything the program has written so far. */
  output(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Rows of the screen as text, without blanks at their ends. */
  rows(): string[] {
    const buffer = this.#screen.buffer.active;
    return Array.from(
      { length: this.#screen.rows },
      (_, row) => buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? "",
    );
  }

  text(): string {
    return this.rows().join("\n");
  }

  /** True while the program shows its own screen instead of the normal one. */
  get isAlternate(): boolean {
    return this.#screen.buffer.active.type === "alternate";
  }

  /** Colour of the letter at a place: true colour, palette index, or null for the terminal's own. */
  colorAt(column: number, row: number): number | null {
    const buffer = this.#screen.buffer.active;
    const cell = buffer.getLine(buffer.viewportY + row)?.getCell(column);
    return cell === undefined || cell.isFgDefault() ? null : cell.getFgColor();
  }

  onTitle(listener: (title: string) => void): void {
    this.#screen.onTitleChange(listener);
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  /** Presses keys one after the other: names as in the keymap, or characters. */
  async press(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#pty.write(keys[name] ?? name);
      // An escape alone is known as such only when nothing follows it at once.
      await sleep(name === "esc" ? 80 : 25);
    }
  }

  async resize(columns: number, rows: number): Promise<void> {
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
    await sleep(50);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.#pty.pid, name);
  }

  /** Waits until the screen says so; fails with the screen as it is. */
  async waitFor(wanted: string | RegExp | ((text: string) => boolean), timeout = 10_000): Promise<string> {
    const holds = (text: string) => {
      if (typeof wanted === "string") return text.includes(wanted);
      return wanted instanceof RegExp ? wanted.test(text) : wanted(text);
    };
    for (const deadline = Date.now() + timeout; ; await sleep(20)) {
      const text = this.text();
      if (holds(text)) return text;
      if (Date.now() > deadline) throw new Error(`the screen never showed ${String(wanted)}:\n${text}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) this.#pty.kill("SIGKILL");
    await this.exited;
    this.#screen.dispose();
  }
}

/** Ink draws nothing where it believes to run in CI. */
function cleanEnvironment(): Record<string, string> {
  const dropped = new Set(["CI", "CONTINUOUS_INTEGRATION", "NO_COLOR", "FORCE_COLOR", "LC_ALL", "LC_CTYPE", "TERM"]);
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !dropped.has(name) && !name.startsWith("VITEST")) kept[name] = value;
  }
  return kept;
}
