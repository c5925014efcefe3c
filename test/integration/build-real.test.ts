/** Images as people make them: built here with packages of Debian's mirrors, run, and asked. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startedForFile } from "../support/engine-of-file.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { cProgram, nginx, node, postgres, python, redis } from "../support/real-dockerfiles.ts";

const engine = startedForFile();
const base = "real/debian";
let gantry: ReturnType<typeof gantryFor>;
let place: string;

beforeAll(async () => {
  gantry = gantryFor(engine.config);
  place = mkdtempSync("/tmp/gantry-test-");
  const tar = join(place, "debian.tar");
  execFileSync("mmdebstrap", ["--quiet", "--variant=minbase", "--mode=root", "bookworm", tar], { stdio: "ignore" });
  await ok("import", "--change", 'CMD ["bash"]', tar, base);
}, 180_000);

afterAll(() => rmSync(place, { recursive: true, force: true }));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gantry(args, { cwd: place });
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: ${stderr.slice(-2000)}`);
  return stdout.trim();
}

/** Builds a Dockerfile with these files beside it. */
async function build(name: string, dockerfile: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  const directory = join(place, name);
  mkdirSync(join(directory, "src"), { recursive: true });
  for (const [path, content] of Object.entries(files)) writeFileSync(join(directory, path), content);
  writeFileSync(join(directory, "Dockerfile"), dockerfile.replaceAll("%", base));
  await ok("build", "-t", `real/${name}`, directory);
}

/** Runs an image, asks it until it answers, and takes it away. */
async function served(image: string, port: number, ask: (hostPort: number) => Promise<string>): Promise<string> {
  const container = await ok("run", "-d", "-p", `127.0.0.1::${port}`, `real/${image}`);
  try {
    const hostPort = Number((await ok("port", container, String(port))).split("\n")[0]?.split(":").at(-1));
    for (let tries = 0; tries < 100; tries++) {
      const answer = await ask(hostPort).catch(() => "");
      if (answer !== "") return answer;
      await sleep(200);
    }
    return await ok("logs", container);
  } finally {
    await ok("rm", "-fv", container);
  }
}

const page = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).text();

/** What a server says to one line. */
async function said(port: number, line: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.end(line);
  return text(socket);
}

it("nginx", async () => {
  await build("nginx", nginx);
  expect(await served("nginx", 80, page)).toBe("served by nginx\n");
}, 180_000);

it("redis, with a cache for packages, as its own user", async () => {
  await build("redis", redis);
  expect(await served("redis", 6379, (port) => said(port, "SET a 1\r\nGET a\r\n"))).toBe("+OK\r\n$1\r\n1\r\n");
  const find = "find /var/cache/apt /var/lib/apt -name '*.deb' -o -name '*_Packages*' -o -name '*.bin'";
  expect(await ok("run", "--rm", "--user", "root", "--entrypoint", "sh", "real/redis", "-c", find)).toBe("");
}, 180_000);

it("PostgreSQL, initialised in the build", async () => {
  await build("postgres", postgres);
  const container = await ok("run", "-d", "real/postgres");
  try {
    const ask = () => gantry(["exec", container, "psql", "-h", "127.0.0.1", "-Atc", "select 6 * 7"]);
    let answer = await ask();
    for (let tries = 0; answer.code !== 0 && tries < 100; tries++) {
      await sleep(200);
      answer = await ask();
    }
    expect(answer).toMatchObject({ code: 0, stdout: "42\n" });
  } finally {
    await ok("rm", "-f", container);
  }
}, 240_000);

it("an application of Node", async () => {
  const server = 'require("http").createServer((q, a) => a.end(process.env.NODE_ENV + process.getuid())).listen(3000)';
  await build("node", node, { "package.json": "{}", "src/server.js": server });
  expect(await served("node", 3000, page)).toBe("production65534");
}, 240_000);

it("an application of Python, with an argument", async () => {
  const app = `import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["GREETING"].encode())
http.server.HTTPServer(("", 8000), Answer).serve_forever()
`;
  await build("python", python, { "app.py": app });
  expect(await served("python", 8000, page)).toBe("hello");
}, 240_000);

it("a program in C: built in one stage, alone in the last", async () => {
  await build("c", cProgram, {
    Makefile: "hello: hello.c\n\tgcc -static -O2 -o $@ $<\n",
    "hello.c": '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n',
  });
  expect(await ok("run", "--rm", "real/c")).toBe("compiled");
  await ok("build", "--target", "test", join(place, "c"));
}, 240_000);
