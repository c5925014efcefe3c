import { StringDecoder } from "node:string_decoder";
import { EngineError } from "../../engine/errors.ts";

const keys = { interrupt: "\x03", end: "\x04", eraseLine: "\x15", backspace: "\x7f", bell: "\b" } as const;

/**
 * Asks on the terminal, one question after the other; what is typed ahead is kept for the next one. An answer that is `hidden` leaves no
 * trace on the screen. Disposing gives the terminal back.
 */
export class Prompt implements Disposable {
  readonly #input = process.stdin;
  readonly #decoder = new StringDecoder("utf8");
  #typed: string[] = [];
  #wake: () => void = () => {};
  #isOver = false;

  constructor() {
    if (!this.#input.isTTY) throw new EngineError("failed-precondition", "stdin is no terminal");
    this.#input.setRawMode(true);
    this.#input.on("data", this.#take);
    this.#input.on("end", this.#end);
    this.#input.resume();
  }

  /** Null: the input is at its end. */
  async ask(question: string, options: { readonly hidden?: boolean } = {}): Promise<string | null> {
    process.stdout.write(question);
    let answer: string[] = [];
    for (let key = await this.#next(); key !== null; key = await this.#next()) {
      if (key === "\r" || key === "\n") {
        process.stdout.write("\n");
        return answer.join("");
      }
      if (key === keys.interrupt) this.#interrupt();
      if (key === keys.end && answer.length === 0) break;
      const edited = edit(answer, key);
      if (!options.hidden) redraw(answer, edited);
      answer = edited;
    }
    process.stdout.write("\n");
    return null;
  }

  [Symbol.dispose](): void {
    this.#input.off("data", this.#take);
    this.#input.off("end", this.#end);
    this.#input.setRawMode(false);
    this.#input.pause();
  }

  async #next(): Promise<string | null> {
    while (this.#typed.length === 0 && !this.#isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#typed.shift() ?? null;
  }

  /** In raw mode the terminal sends no signal. */
  #interrupt(): never {
    this[Symbol.dispose]();
    process.stdout.write("\n");
    process.exit(130);
  }

  readonly #take = (bytes: Buffer): void => {
    // A carriage return and its newline are one key.
    this.#typed.push(...this.#decoder.write(bytes).replaceAll("\r\n", "\n"));
    this.#wake();
  };

  readonly #end = (): void => {
    this.#isOver = true;
    this.#wake();
  };
}

function edit(answer: readonly string[], key: string): string[] {
  if (key === keys.eraseLine) return [];
  if (key === keys.backspace || key === keys.bell) return answer.slice(0, -1);
  return key < " " ? [...answer] : [...answer, key];
}

function redraw(before: readonly string[], after: readonly string[]): void {
  if (after.length > before.length) process.stdout.write(after.slice(before.length).join(""));
  else process.stdout.write("\b \b".repeat(before.length - after.length));
}
