import { createServer, request as forward, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A real HTTP proxy: CONNECT for https, whole URLs for http. Sends every host name to 127.0.0.1. */
export class ForwardProxy implements AsyncDisposable {
  /** `CONNECT host:port` or `GET http://…` as they came in. */
  readonly requests: string[] = [];
  /** Proxy-Authorization headers. */
  readonly authorizations: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#note(`${request.method} ${request.url}`, request.headers["proxy-authorization"]);
      const { port, pathname, search } = new URL(request.url ?? "");
      const options = {
        hostname: "127.0.0.1",
        port,
        path: pathname + search,
        method: request.method,
        headers: request.headers,
      };
      const onward = forward(options, (reply) =>
        reply.pipe(response.writeHead(reply.statusCode ?? 502, reply.headers)),
      );
      onward.on("error", () => response.destroy());
      request.pipe(onward);
    });
    this.#server.on("connect", (request, socket) => {
      this.#note(`CONNECT ${request.url}`, request.headers["proxy-authorization"]);
      const onward = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    this.#server.on("connection", (socket) => this.#sockets.add(socket));
  }

  static async start(): Promise<ForwardProxy> {
    const proxy = new ForwardProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #note(line: string, authorization: string | undefined): void {
    this.requests.push(line);
    if (authorization !== undefined) this.authorizations.push(authorization);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
