import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { until } from "../engines.ts";
import { runCommand } from "../measure.ts";

export const serverImage = "bench/server";
const generator = join(import.meta.dirname, "load-generator.ts");
const connections = 16;
const seconds = 2;

/** A root file system that holds Node and a small web server, as a tar. */
export function makeServerRootfs(place: string): string {
  const root = join(place, "server");
  const program = realpathSync(process.execPath);
  // Its libraries, by the paths its loader looks for them.
  const libraries = [...runCommand(["ldd", program]).matchAll(/(\/\S+)/g)].map(([path]) => path);
  for (const path of [program, ...libraries]) copyTo(root, path);
  copyFileSync(program, join(root, "node"));
  writeFileSync(
    join(root, "server.cjs"),
    `require("node:http").createServer((_, answer) => answer.end("ok")).listen(80, "0.0.0.0");`,
  );
  const tar = join(place, "server.tar");
  runCommand(["tar", "-C", root, "-cf", tar, "."]);
  return tar;
}

export const serverCommand = ["/node", "/server.cjs"];

function copyTo(root: string, path: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), readFileSync(path), { mode: 0o755 });
}

/** Resolves when something answers there. */
export function awaitPort(port: number): Promise<void> {
  return until(
    () =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: "127.0.0.1", port });
        socket.setTimeout(500, () => socket.destroy(new Error("silent")));
        socket.once("error", reject);
        // docker's proxy takes a connection before there is a server.
        socket.once("close", () => reject(new Error("closed")));
        socket.once("data", resolve);
        socket.once("connect", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
      }),
  );
}

export type Mode = "keep" | "close";

/** Answers a second. From outside: from a network namespace of its own, over a cable to ours. */
export async function measureRequests(port: number, mode: Mode, isOutside: boolean): Promise<number> {
  const host = isOutside ? outside.here : "127.0.0.1";
  const args = [generator, host, String(port), String(connections), String(seconds), mode];
  const [program = "", ...rest] = isOutside
    ? ["unshare", "--net", process.execPath, ...args]
    : [process.execPath, ...args];
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
  try {
    if (isOutside) await layCable(child);
    let said = "";
    child.stdout?.on("data", (bytes) => {
      said += bytes;
    });
    child.stdin?.end("\n");
    await once(child, "close");
    const { rate, failures } = JSON.parse(said) as { rate: number; failures: number };
    if (failures > 0) console.error(`bench: ${failures} of the connections to port ${port} failed`);
    return rate;
  } finally {
    child.kill("SIGKILL");
    // The namespace takes the cable along, in its own time.
    if (isOutside) spawnSync("ip", ["link", "delete", "cable0"], { stdio: "ignore" });
  }
}

const outside = { here: "198.51.100.1", there: "198.51.100.2" };

/** A veth pair with one end in the child's namespace. */
async function layCable({ pid }: ChildProcess): Promise<void> {
  const own = readlinkSync("/proc/self/ns/net");
  await until(() => {
    if (readlinkSync(`/proc/${pid}/ns/net`) === own) throw new Error("it has no network namespace of its own");
  });
  runCommand(["ip", "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", String(pid)]);
  runCommand(["ip", "address", "add", `${outside.here}/30`, "dev", "cable0"]);
  runCommand(["ip", "link", "set", "cable0", "up"]);
  const inside = (...args: string[]) => runCommand(["nsenter", "-t", String(pid), "-n", "ip", ...args]);
  inside("address", "add", `${outside.there}/30`, "dev", "cable1");
  inside("link", "set", "cable1", "up");
}
