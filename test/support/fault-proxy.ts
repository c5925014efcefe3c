import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What the proxy does to one request instead of merely passing it on. Bytes count the answer's body. */
export type Fault =
  | { readonly type: "cut"; readonly after: number }
  /** Passes on so many bytes of the answer, then keeps the connection and stays silent. */
  | { readonly type: "hang"; readonly after: number }
  /** Reads so many bytes of the request's body, then cuts. */
  | { readonly type: "cut-upload"; readonly after: number }
  | { readonly type: "redirect"; readonly to: string; readonly status?: number }
  /** Any answer, made up. `endless`: its body is repeated for ever. */
  | {
      readonly type: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
      readonly endless?: boolean;
    }
  /** Passes on with other headers of the request or of the answer; undefined removes one. */
  | {
      readonly type: "change";
      readonly request?: Readonly<Record<string, string | undefined>>;
      readonly answer?: Readonly<Record<string, string | undefined>>;
    };

export type SeenRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
};

/**
 * A real HTTP server before a registry: passes everything on, or does what `fault` says for a request. Requests are numbered
 * from 1 among those of the same method and URL without its query, so that a fault can happen once.
 */
export class FaultProxy implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  fault: (request: SeenRequest, count: number) => Fault | null = () => null;
  /** Connections made so far, to see that they are kept. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer({ keepAlive: true }, (request, response) => this.#handle(request, response));
    this.#server.on("connection", (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** target: URL of the registry, http. at: an IPv4 address of this host. */
  static async start(target: string, at = "127.0.0.1"): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, at, resolve));
    return proxy;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** Requests of a method whose URL has this text in it. */
  seen(method: string, text: string): SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.url.includes(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const seen = { method: request.method ?? "", url: request.url ?? "/", headers: request.headers };
    this.requests.push(seen);
    const path = pathOf(seen.url);
    const count = this.requests.filter(({ method, url }) => method === seen.method && pathOf(url) === path).length;
    const fault = this.fault(seen, count);
    if (fault?.type === "answer") answer(request, response, fault);
    else if (fault?.type === "redirect") {
      answer(request, response, { status: fault.status ?? 307, headers: { location: fault.to } });
    } else this.#pass(request, response, fault);
  }

  #pass(request: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const headers = changed(request.headers, fault?.type === "change" ? fault.request : undefined);
    const { hostname, port } = this.#target;
    const onward = forward({ hostname, port, path: request.url, method: request.method, headers }, (reply) => {
      const answered = changed(reply.headers, fault?.type === "change" ? fault.answer : undefined);
      response.writeHead(reply.statusCode ?? 502, answered);
      if (fault?.type !== "cut" && fault?.type !== "hang") {
        reply.pipe(response);
        return;
      }
      let left = fault.after;
      response.flushHeaders();
      // A body that is shorter ends as it should: the next answer on its connection waits for that.
      reply.on("end", () => response.end());
      reply.on("data", (chunk: Buffer) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        if (part.length > 0) response.write(part);
        if (left > 0) return;
        reply.destroy();
        // What was written leaves before the end.
        if (fault.type === "cut") setImmediate(() => response.socket?.destroySoon());
      });
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    if (fault?.type === "cut-upload") cutUpload(request, onward, fault.after);
    else request.pipe(onward);
  }
}

function cutUpload(request: IncomingMessage, onward: ReturnType<typeof forward>, after: number): void {
  let left = after;
  request.on("data", (chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    onward.write(part, () => {
      if (left > 0) return;
      request.socket.destroy();
      onward.destroy();
    });
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  fault: Omit<Extract<Fault, { type: "answer" }>, "type">,
): void {
  request.resume();
  const length = fault.endless === true ? {} : { "content-length": Buffer.byteLength(fault.body ?? "") };
  const isChunked = fault.headers?.["transfer-encoding"] !== undefined;
  response.writeHead(fault.status, { ...(isChunked ? {} : length), ...fault.headers });
  if (fault.endless !== true) {
    response.end(fault.body);
    return;
  }
  const send = (): void => {
    while (!response.destroyed && response.write(fault.body ?? " ".repeat(65_536)));
    if (!response.destroyed) response.once("drain", send);
  };
  send();
}

function changed(
  headers: IncomingMessage["headers"],
  changes: Readonly<Record<string, string | undefined>> = {},
): Record<string, string | string[]> {
  const all = Object.entries({ ...headers, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string | string[]] => entry[1] !== undefined));
}

function pathOf(url: string): string {
  return url.split("?")[0] ?? url;
}
