import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { ApiError } from "./api-error.ts";
import { type Filters, parseFilters } from "./filters.ts";

/** A body of JSON; docker's own limit is none. */
const longestBody = 8 * 1024 * 1024;
/** Milliseconds. */
const bodyPatience = 30_000;

export type CallOptions = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Minor number of the API's version that the client speaks. */
  readonly version: number;
};

/** One request under way. */
export class ApiCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly version: number;
  readonly query: URLSearchParams;
  readonly #params: Readonly<Record<string, string>>;
  readonly #gone = new AbortController();

  constructor({ request, response, params, query, version }: CallOptions) {
    this.request = request;
    this.response = response;
    this.version = version;
    this.query = query;
    this.#params = params;
    response.once("close", () => {
      if (!response.writableFinished)
        this.#gone.abort(new EngineError("cancelled", "the client closed its connection"));
    });
  }

  /** Aborted when the client goes before its answer is complete. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** A part of the path, as `{id}` of its route. */
  param(name: string): string {
    return this.#params[name] ?? "";
  }

  /** A query parameter, or empty. */
  text(name: string): string {
    return this.query.get(name) ?? "";
  }

  /** As moby reads it: everything is true but these words. */
  flag(name: string, fallback = false): boolean {
    const value = this.query.get(name);
    if (value === null) return fallback;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** A whole number, or null where it is missing. */
  integer(name: string): number | null {
    const value = this.query.get(name);
    if (value === null || value === "") return null;
    if (!/^-?\d{1,15}$/.test(value)) {
      throw new EngineError("invalid-argument", `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    return Number(value);
  }

  /** known: names that the endpoint takes; null where docker takes any. */
  filters(known: readonly string[] | null): Filters {
    return parseFilters(this.query.get("filters"), known);
  }

  /** The body as JSON of this shape. An empty one is `{}` where `optional`. Fails in docker's words. */
  async json<T extends z.ZodMiniType>(schema: T, options: { readonly optional?: boolean } = {}): Promise<z.output<T>> {
    const bytes = await this.#readBody();
    const isEmpty = bytes.length === 0;
    if (!isEmpty || !options.optional) this.#checkType(isEmpty);
    if (isEmpty && !options.optional) throw invalid("got EOF while reading request body");
    const parsed = schema.safeParse(isEmpty ? {} : decode(bytes));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join(".") || "body"}: ${issue?.message ?? "not of this type"}`);
  }

  /** The body as it comes, never in memory as a whole. */
  get body(): Readable {
    return this.request;
  }

  /** Answers with JSON and a line end, as docker does. */
  reply(status: number, value: unknown): void {
    const text = `${JSON.stringify(value)}\n`;
    this.response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
    this.response.end(text);
  }

  /** Answers without a body: 204, 304, … */
  end(status: number): void {
    this.response.writeHead(status, status === 204 || status === 304 ? {} : { "Content-Length": 0 });
    this.response.end();
  }

  #checkType(isEmpty: boolean): void {
    const type = this.request.headers["content-type"];
    if (type === undefined && isEmpty) return;
    const [mime = ""] = (type ?? "").split(";");
    if (mime.trim().toLowerCase() === "application/json") return;
    throw new EngineError(
      "invalid-argument",
      type === undefined
        ? "malformed Content-Type header (): mime: no media type"
        : `unsupported Content-Type header (${type.slice(0, 100)}): must be 'application/json'`,
    );
  }

  /** A client that says nothing for a while in the midst of it is not waited for. */
  async #readBody(): Promise<Buffer> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new ApiError(408, "the body did not come to its end")), bodyPatience);
    try {
      return await Promise.race([this.#collectBody(() => timer.refresh()), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #collectBody(onChunk: () => void): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    // Left early, the usual iterator would close the connection, and with it go the answer.
    for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
      onChunk();
      size += (chunk as Buffer).length;
      if (size > longestBody) throw new ApiError(413, `the body is longer than ${longestBody} bytes`);
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  }
}

function decode(bytes: Buffer): unknown {
  try {
    return decodeJson(bytes, "body");
  } catch (error) {
    throw invalid(error instanceof EngineError ? error.message : "not JSON");
  }
}

function invalid(reason: string): EngineError {
  return new EngineError("invalid-argument", `invalid JSON: ${reason}`);
}
