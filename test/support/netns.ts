import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandResult, HostCommands } from "./network-host.ts";

type Reply = { id: number; result?: unknown; error?: { message: string; code: string | null; hint: string | null } };

/**
 * A host with network and mount namespaces of its own and a neighbour: `outside`, at 192.0.2.9, reaches the host's uplink
 * `up0`, 192.0.2.1, and is its default route. Disposing ends every process in it; the kernel removes the rest.
 */
export class NetworkHost implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "netns-test-"));
  /** netns file of the neighbour. */
  readonly outside = join(this.directory, "outside");
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  #lastID = 0;

  constructor() {
    const program = join(import.meta.dirname, "network-host.ts");
    this.#child = spawn("unshare", ["-m", "-n", process.execPath, program], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (reply: Reply) => this.#settle(reply));
    this.#child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the test host ended"));
    });
  }

  static async start(): Promise<NetworkHost> {
    const host = new NetworkHost();
    await new Promise<void>((resolve, reject) => {
      host.#waiting.set(0, { resolve: () => resolve(), reject });
    });
    await host.shell(`
      ip link set lo up
      touch ${host.outside}
      unshare --net=${host.outside} ip link set lo up
      ip link add up0 type veth peer name eth0 netns ${host.outside}
      ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up
      nsenter --net=${host.outside} sh -c "ip addr add 192.0.2.9/24 dev eth0; ip link set eth0 up"
      ip route add default via 192.0.2.9
    `);
    return host;
  }

  call<N extends keyof HostCommands>(name: N, ...args: Parameters<HostCommands[N]>): ReturnType<HostCommands[N]> {
    this.#lastID += 1;
    const id = this.#lastID;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ id, name, args });
    return answer as ReturnType<HostCommands[N]>;
  }

  /** Runs a shell script in a netns file, or in the host's own; fails where it does. Gives its output. */
  async shell(script: string, netns: string | null = null): Promise<string> {
    const result = await this.call("exec", netns, ["sh", "-ec", script]);
    if (result.exitCode !== 0) throw new Error(`${script.trim()}: ${result.stderr}`);
    return result.stdout.trim();
  }

  /** Starts a TCP server that answers each connection with `<name> <address of the peer>`. */
  async serveTCP(netns: string | null, name: string, port: number, address = "0.0.0.0"): Promise<number> {
    const script = `require("net").createServer((s) => { s.on("error", () => {}); s.end(${JSON.stringify(name)} + " " + s.remoteAddress) })
      .listen(${port}, ${JSON.stringify(address)}, () => console.log("ready"))`;
    return (await this.call("serve", netns, [process.execPath, "-e", script])).pid;
  }

  /** The same with UDP. */
  async serveUDP(netns: string | null, name: string, port: number): Promise<number> {
    const script = `const s = require("dgram").createSocket("udp4");
      s.on("message", (m, peer) => s.send(${JSON.stringify(name)} + " " + peer.address, peer.port, peer.address));
      s.bind(${port}, () => console.log("ready"))`;
    return (await this.call("serve", netns, [process.execPath, "-e", script])).pid;
  }

  /** What a server at this address answers, `refused`, or `silence` after a second. */
  async ask(netns: string | null, address: string, port: number): Promise<string> {
    const script = `const s = require("net").connect(${port}, ${JSON.stringify(address)});
      setTimeout(() => { console.log("silence"); process.exit() }, 1000);
      s.on("error", (e) => { console.log(e.code === "ECONNREFUSED" ? "refused" : e.code); process.exit() });
      s.on("data", (d) => { console.log(String(d)); process.exit() })`;
    return output(await this.call("exec", netns, [process.execPath, "-e", script]));
  }

  async askUDP(netns: string | null, address: string, port: number): Promise<string> {
    const script = `const s = require("dgram").createSocket("udp4");
      setTimeout(() => { console.log("silence"); process.exit() }, 1000);
      s.on("message", (d) => { console.log(String(d)); process.exit() });
      s.send("hello", ${port}, ${JSON.stringify(address)})`;
    return output(await this.call("exec", netns, [process.execPath, "-e", script]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const gone = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.disconnect();
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.result);
    else
      waiting?.reject(
        Object.assign(new Error(reply.error.message), { code: reply.error.code, hint: reply.error.hint }),
      );
  }
}

function output(result: CommandResult): string {
  return result.stdout.trim() || result.stderr.trim();
}

/** What a start asks for with `--network` of these names. */
export function on(...networks: string[]) {
  return networks.map((network) => ({ network, settings: { aliases: [] as string[] } }));
}

export function port(
  containerPort: number,
  hostPort: number | null,
  more: { address?: string; protocol?: "tcp" | "udp" } = {},
) {
  return { hostAddress: more.address ?? "", hostPort, containerPort, protocol: more.protocol ?? "tcp" } as const;
}
