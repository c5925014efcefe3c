import { createSocket, type Socket as UDPSocket } from "node:dgram";
import { closeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { NetnsSockets } from "../../host/netns-sockets.ts";
import { resolverAddress, resolverPort } from "./resolver-protocol.ts";
import { withLength } from "./upstream.ts";

/** Gives the response to a query, or null for silence. */
export type Answerer = (query: Buffer, byTCP: boolean) => Promise<Buffer | null>;

/** One container may not hold more connections, and none for longer. */
const mostConnections = 16;
const idleMilliseconds = 10_000;
const longestMessage = 65_535;

/** Our two sockets in a container's netns: whatever comes there was sent by that container. */
export class ContainerDoor implements Disposable {
  readonly #udp: UDPSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  readonly #answer: Answerer;

  /** Fails where the netns is gone, or the port taken in it. */
  static async open(sockets: NetnsSockets, netnsPath: string, answer: Answerer): Promise<ContainerDoor> {
    const place = { host: resolverAddress, port: resolverPort };
    const udp = sockets.open(netnsPath, "udp", place);
    let tcp: number;
    try {
      tcp = sockets.open(netnsPath, "tcp", place);
    } catch (error) {
      closeSync(udp);
      throw error;
    }
    const door = new ContainerDoor(answer);
    await Promise.all([
      new Promise<void>((resolve, reject) => {
        door.#udp.once("error", reject);
        door.#udp.bind({ fd: udp, exclusive: true }, () => {
          door.#udp.off("error", reject);
          resolve();
        });
      }),
      new Promise<void>((resolve, reject) => {
        door.#tcp.once("error", reject);
        door.#tcp.listen({ fd: tcp, exclusive: true }, () => {
          door.#tcp.off("error", reject);
          resolve();
        });
      }),
    ]);
    return door;
  }

  private constructor(answer: Answerer) {
    this.#answer = answer;
    this.#udp = createSocket({ type: "udp4" });
    this.#udp.on("message", (query, peer) => void this.#answerDatagram(query, peer.port, peer.address));
    // An asker that is gone is told so by the kernel.
    this.#udp.on("error", () => {});
    this.#tcp = createServer((socket) => this.#serve(socket));
    this.#tcp.maxConnections = mostConnections;
    this.#tcp.on("error", () => {});
  }

  [Symbol.dispose](): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
  }

  async #answerDatagram(query: Buffer, port: number, address: string): Promise<void> {
    const response = await this.#answer(query, false);
    if (response === null) return;
    try {
      this.#udp.send(response, port, address, () => {});
    } catch {
      // Closed meanwhile: the container is gone.
    }
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
    let received = Buffer.alloc(0);
    let isBusy = false;
    const next = async () => {
      if (isBusy || received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length < length + 2) return;
      isBusy = true;
      const query = received.subarray(2, length + 2);
      received = received.subarray(length + 2);
      const response = await this.#answer(query, true);
      isBusy = false;
      if (response === null) return void socket.destroy();
      socket.write(withLength(response));
      void next();
    };
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > 2 * longestMessage) socket.destroy();
      else void next();
    });
  }
}
