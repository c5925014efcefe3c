import type { Progress } from "../../engine/protocol/rpc.ts";
import { formatBytes } from "../format/bytes.ts";

const interval = 100;

/** One line on stderr that is written over with the newest progress; nothing where it is switched off. */
export class ProgressLine implements Disposable {
  readonly #on: boolean;
  #lastShown = 0;
  #shown = false;

  constructor(on: boolean) {
    this.#on = on;
  }

  show(progress: Progress): void {
    const now = Date.now();
    if (!this.#on || now - this.#lastShown < interval) return;
    this.#lastShown = now;
    this.#shown = true;
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\x1b[K${plainText(describeProgress(progress)).slice(0, width)}`);
  }

  /** Before anything else is printed. */
  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
    this.#shown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** `unpacking 3f2a: 12MB of 170MB (7 %)` */
export function describeProgress({ phase, object, current, total, unit }: Progress): string {
  const amount = (value: number) => (unit === "bytes" ? formatBytes(value) : String(value));
  const what = object === "" ? phase : `${phase} ${object}`;
  if (total === null) return `${what}: ${amount(current)}`;
  const percent = total === 0 ? 100 : Math.floor((100 * current) / total);
  return `${what}: ${amount(current)} of ${amount(total)} (${percent} %)`;
}

/** Progress is for a glance: what is not plain is left out. */
export function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
