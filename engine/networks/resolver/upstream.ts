import { createSocket, type Socket } from "node:dgram";
import { readFile, stat } from "node:fs/promises";
import { connect, isIPv6 } from "node:net";
import { fallbackNameservers, parseNameservers } from "../name-files.ts";
import { responseCodes } from "./dns-message.ts";

/** Milliseconds that one server has to answer; resolv.conf(5) says 5 s, after which most programs have given up themselves. */
const patience = 2500;
/** Questions under way: more are refused, so that nobody makes a flood of another's servers. */
const mostPending = 512;
const mostPendingOfOne = 128;
const longestMessage = 65_535;

/** Passes questions on to the host's servers, or a container's own, and gives back what they say as it is. */
export class Upstream {
  #total = 0;
  readonly #pending = new Map<string, number>();
  readonly #host = new HostServers();

  /** Null where nobody answered, or too much is asked at once. */
  async ask(
    asker: string,
    query: Buffer,
    options: { servers: readonly string[]; tcp: boolean },
  ): Promise<Buffer | null> {
    const own = this.#pending.get(asker) ?? 0;
    if (this.#total >= mostPending || own >= mostPendingOfOne) return null;
    this.#total += 1;
    this.#pending.set(asker, own + 1);
    try {
      const servers = options.servers.length > 0 ? options.servers : await this.#host.list();
      return await askInTurn(servers.slice(0, 3), (server) => (options.tcp ? askByTCP : askByUDP)(server, query));
    } finally {
      this.#total -= 1;
      const left = (this.#pending.get(asker) ?? 1) - 1;
      if (left > 0) this.#pending.set(asker, left);
      else this.#pending.delete(asker);
    }
  }
}

/** Who cannot serve says so: the next may. */
async function askInTurn(
  servers: readonly string[],
  ask: (server: string) => Promise<Buffer | null>,
): Promise<Buffer | null> {
  let failure: Buffer | null = null;
  for (const server of servers) {
    const answer = await ask(server);
    const code = (answer?.[3] ?? 0) & 15;
    if (answer !== null && code !== responseCodes.serverFailure) return answer;
    failure ??= answer;
  }
  return failure;
}

/** The host's resolv.conf, read anew when it has changed. A server on the host's loopback is fine: we are in the host's netns. */
class HostServers {
  #servers: readonly string[] = fallbackNameservers;
  #stamp = "";
  #checkedAt = 0;

  async list(): Promise<readonly string[]> {
    const now = performance.now();
    if (now - this.#checkedAt < 500 && this.#stamp !== "") return this.#servers;
    this.#checkedAt = now;
    const path = "/etc/resolv.conf";
    const stats = await stat(path).catch(() => null);
    const stamp = stats === null ? "none" : `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
    if (stamp === this.#stamp) return this.#servers;
    const found = parseNameservers(await readFile(path, "utf8").catch(() => ""));
    this.#servers = found.length > 0 ? found : fallbackNameservers;
    this.#stamp = stamp;
    return this.#servers;
  }
}

/** From a port of its own each time, and only this server's word for this question counts. */
function askByUDP(server: string, query: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket: Socket = createSocket(isIPv6(server) ? "udp6" : "udp4");
    const end = (answer: Buffer | null) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), patience);
    socket.on("error", () => end(null));
    socket.on("message", (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) end(answer);
    });
    socket.connect(53, server, (error?: Error) => {
      if (error !== undefined && error !== null) end(null);
      else socket.send(query);
    });
  });
}

function askByTCP(server: string, query: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: 53 });
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), patience);
    socket.on("error", () => end(null));
    socket.on("close", () => end(null));
    socket.on("connect", () => socket.write(withLength(query)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? longestMessage : received.readUInt16BE(0);
      if (received.length >= length + 2) end(received.subarray(2, length + 2));
    });
  });
}

/** As messages go by TCP (RFC 1035, 4.2.2). */
export function withLength(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}
