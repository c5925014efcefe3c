import { readFileSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { messageOf } from "../errors.ts";
import { type EngineEvent, engineEvent } from "../protocol/events.ts";

/** Of one file; there are two, so that at least as many are kept. */
const mostLines = 1000;
const mostBytes = 4 * 1024 * 1024;

/**
 * Events on the disk, a line of JSON each, for those who ask for what was before the engine started. Written in the background a moment
 * after they happened, and not forced to the disk: the end of the host may take the last ones along.
 */
export class EventHistory implements AsyncDisposable {
  readonly #path: string;
  #pending: string[] = [];
  #writing: Promise<void> | null = null;
  #file: FileHandle | null = null;
  #lines = 0;
  #bytes = 0;
  #isBroken = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** What earlier engines wrote, oldest first. What cannot be read is left out. */
  read(): EngineEvent[] {
    const older = readLines(`${this.#path}.1`);
    const newer = readLines(this.#path);
    // The last line may have been cut off: what comes must not be taken for its end.
    if (newer.length > 0) this.#pending.push("\n");
    this.#lines = newer.length;
    this.#bytes = newer.reduce((sum, line) => sum + line.length, 0);
    return [...older, ...newer].flatMap((line) => parseEvent(line) ?? []);
  }

  append(event: EngineEvent): void {
    this.#pending.push(`${JSON.stringify(event)}\n`);
    this.#writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#write());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  /** A full disk costs the history, and nothing else. */
  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      try {
        await this.#writeLines(lines);
        this.#isBroken = false;
      } catch (error) {
        if (!this.#isBroken) process.emitWarning(`events are not kept: ${messageOf(error)}`);
        this.#isBroken = true;
      }
    }
    this.#writing = null;
  }

  async #writeLines(lines: readonly string[]): Promise<void> {
    if (this.#lines >= mostLines || this.#bytes >= mostBytes) {
      await this.#file?.close();
      this.#file = null;
      await rename(this.#path, `${this.#path}.1`);
      this.#lines = 0;
      this.#bytes = 0;
    }
    this.#file ??= await open(this.#path, "a", 0o600);
    const text = lines.join("");
    await this.#file.write(text);
    this.#lines += lines.length;
    this.#bytes += text.length;
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

/** A line that was cut off by the end of the engine is none. */
function parseEvent(line: string): EngineEvent | null {
  try {
    const parsed = engineEvent.safeParse(JSON.parse(line));
    return parsed.success && /^\d{1,20}$/.test(parsed.data.timeNano) ? parsed.data : null;
  } catch {
    return null;
  }
}
