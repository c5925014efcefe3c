import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "../../engine/oci/digest.ts";

/**
 * The uploading part of a registry as distribution-spec 1.1 has it, in memory, which goes on in the middle of a cut request:
 * docker-registry does not (it drops an upload whose size is not the one it last told).
 */
export class UploadServer implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  /** Method, with the Content-Range of a PATCH. */
  readonly requests: string[] = [];
  /** The next bodies are cut after so many bytes, which are kept. */
  cutAfter: number[] = [];
  readonly #uploads = new Map<string, Buffer>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<UploadServer> {
    const server = new UploadServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "/", "http://registry");
    if (url.pathname === "/v2/") return void response.end();
    this.requests.push(headers["content-range"] === undefined ? method : `${method} ${headers["content-range"]}`);
    if (method === "HEAD") return void response.writeHead(404).end();
    const id = method === "POST" ? randomUUID() : (url.pathname.split("/").at(-1) ?? "");
    if (method === "POST") this.#uploads.set(id, Buffer.alloc(0));
    if (method === "PUT" || method === "PATCH") await this.#take(id, request);
    const bytes = this.#uploads.get(id) ?? Buffer.alloc(0);
    // A relative Location, as the specification allows.
    const where = { location: `/v2/x/blobs/uploads/${id}`, range: `0-${Math.max(0, bytes.length - 1)}` };
    if (method !== "PUT") return void response.writeHead(method === "GET" ? 204 : 202, where).end();
    const digest = url.searchParams.get("digest") ?? "";
    if (sha256(bytes) !== digest) return void response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}');
    this.blobs.set(digest, bytes);
    response.writeHead(201, { "docker-content-digest": digest }).end();
  }

  async #take(id: string, request: IncomingMessage): Promise<void> {
    const limit = Number(request.headers["content-length"]) > 0 ? this.cutAfter.shift() : undefined;
    let taken = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, (limit ?? Number.POSITIVE_INFINITY) - taken);
      taken += part.length;
      this.#uploads.set(id, Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), part]));
      if (taken === limit) request.socket.destroy();
    }
  }
}
