import { loadedSchemas, loadSchemas, type Schemas } from "./lazy-schemas.ts";

/** Keeps messages, in order, until the schemas are there that they are parsed with. */
export class Inbox {
  readonly #onText: (schemas: Schemas, text: string) => void;
  #kept: string[] = [];

  constructor(onText: (schemas: Schemas, text: string) => void) {
    this.#onText = onText;
  }

  take(text: string): void {
    const schemas = loadedSchemas();
    if (schemas !== null && this.#kept.length === 0) {
      this.#onText(schemas, text);
      return;
    }
    this.#kept.push(text);
    if (this.#kept.length === 1) void loadSchemas().then((loaded) => this.#flush(loaded));
  }

  /** Calls back when all that came so far was handled: at once where nothing is kept. */
  afterKept(callback: () => void): void {
    if (this.#kept.length === 0) callback();
    else void loadSchemas().then(callback);
  }

  #flush(schemas: Schemas): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const text of kept) this.#onText(schemas, text);
  }
}
