import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Requests that one connection may send before the first of them is answered. No client of docker's sends a second one. */
const mostWaiting = 16;

type Connection = { current: ServerResponse | null; readonly waiting: (() => void)[] };

/**
 * One request of a connection at a time, as Go serves them: Node begins all that have come, and those behind the first are not told
 * when the client goes.
 */
export class Turns {
  readonly #connections = new WeakMap<Duplex, Connection>();

  /** Calls `begin` when what came before on this connection is answered; never where the client goes before. */
  take({ socket }: IncomingMessage, response: ServerResponse, begin: () => void): void {
    const connection = this.#connections.get(socket) ?? { current: null, waiting: [] };
    this.#connections.set(socket, connection);
    const start = () => {
      connection.current = response;
      response.once("close", () => {
        if (connection.current === response) connection.current = null;
        const next = connection.waiting.shift();
        if (!socket.destroyed) next?.();
      });
      begin();
    };
    // Node gives a response its connection when those before it have left.
    if (response.socket !== null) start();
    else if (connection.waiting.length < mostWaiting && !socket.destroyed) connection.waiting.push(start);
    else socket.destroy();
  }

  /** Whether an answer is under way there: nothing else may be written. */
  isTaken(socket: Duplex): boolean {
    return (this.#connections.get(socket)?.current ?? null) !== null;
  }
}
