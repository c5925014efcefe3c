/**
 * Makes dist/cli.blob, the command line as a start-up snapshot: see src/cli/snapshot.ts. It fits only the very Node that made it, which
 * a hard link beside it remembers: bin/gantry compares.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { protocolVersion } from "../engine/protocol/constants.ts";

const rehearsals = [
  ["run", "--rm", "image", "true"],
  ["create", "--name", "name", "image"],
  ["start", "name"],
  ["exec", "name", "true"],
  ["ps"],
  ["kill", "name"],
  ["stop", "-t", "0", "name"],
  ["wait", "name"],
  ["rm", "name"],
  ["pull", "image"],
];

/** A row of `ps`, of which a host may have hundreds. */
const container = {
  id: "0",
  name: "name",
  image: "image",
  imageID: "0",
  command: ["sh", "-c", "a line"],
  createdAt: "2026-11-22T00:00:00.000Z",
  startedAt: "2026-11-22T00:00:00.000Z",
  finishedAt: null,
  status: "running",
  health: "none",
  exitCode: null,
  oomKilled: false,
  stopDeadline: null,
  error: "",
  pid: 1,
  ports: [{ hostAddress: "0.0.0.0", hostPort: 1, containerPort: 1, protocol: "tcp" }],
  network: "bridge",
  ipAddress: "10.0.0.2",
  endpoints: [
    { networkID: "0", network: "bridge", ipAddress: "10.0.0.2", ipv6Address: null, macAddress: null, aliases: ["0"] },
  ],
  mounts: [],
  labels: {},
  terminal: false,
  openStdin: false,
  autoRemove: false,
  restartPolicy: { name: "no", maximumRetryCount: 0 },
  restartCount: 0,
};

/** Answers of an engine to whom all succeeds. */
const results = {
  "system.handshake": { protocolVersion, engineVersion: "", pid: 1, epoch: "", startedAt: "" },
  "containers.create": { id: "0", warnings: [] },
  "containers.attach": { terminal: false },
  "containers.start": { started: true },
  "containers.exec": { execID: "0", pid: 1 },
  "containers.list": [container],
  "containers.wait": { exitCode: 0 },
  "containers.stop": { stopped: true },
  "images.pull": { images: [{ reference: "image", id: "0", digest: "", isNew: false }] },
};

/**
 * `bundle`: the bundled src/cli/snapshot.ts; `fresh`: a directory on the file system of `dist`. Without it, or without a node in
 * `dist`, gantry works as well, only slower.
 */
export async function makeSnapshot(bundle, fresh, dist) {
  const node = join(dist, "node");
  const mark = join(dist, "cli.node");
  rmSync(mark, { force: true });
  if (!existsSync(node)) return;
  const blob = join(fresh, "cli.blob");
  const config = join(fresh, "snapshot.json");
  // With the cache, since without it the code of all functions is left out as well (nodejs/node, src/node_snapshotable.cc).
  writeFileSync(config, JSON.stringify({ builder: bundle, withoutCodeCache: false }));
  // Not in the checkout: a socket's path may have 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), "gantry-build-"));
  const { server, hangUp } = await playEngine(join(directory, "gantry.sock"));
  try {
    const lines = rehearsals.map((args) => ["--root", directory, "--run", directory, ...args]);
    const args = ["--snapshot-blob", blob, "--build-snapshot-config", config];
    await runBuilder(node, args, { rehearsals: JSON.stringify(lines), hangUp });
    writeFileSync(blob, withoutCodeCache(readFileSync(blob)));
    // A Node of the host's may not know the flags that bin/gantry starts it with.
    execFileSync(node, [
      "--no-rehash-snapshot",
      "--no-sparkplug",
      "--snapshot-blob",
      blob,
      "--",
      join(dist, "gantry.cjs"),
      "--version",
    ]);
    renameSync(blob, join(dist, "cli.blob"));
    linkSync(realpathSync(node), mark);
  } catch (error) {
    console.error(`build: no start-up snapshot, gantry starts a little slower: ${error.message}`);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
}

/**
 * Cuts off Node's cache of the code of its own modules, half of a snapshot, which takes 3 ms to read: what we need is in the other
 * half. It comes last: how many there are, then the name and the code of each, with their lengths before them, all in 8 bytes.
 */
function withoutCodeCache(blob) {
  for (let start = 0; start + 8 <= blob.length; start++) {
    if (isCodeCache(blob, start)) return Buffer.concat([blob.subarray(0, start), Buffer.alloc(8)]);
  }
  return blob;
}

function isCodeCache(blob, start) {
  const count = Number(blob.readBigUInt64LE(start));
  if (count < 100 || count > 10_000) return false;
  let at = start + 8;
  for (let left = 2 * count; left > 0; left--) {
    if (at + 8 > blob.length) return false;
    at += 8 + Number(blob.readBigUInt64LE(at));
  }
  return at === blob.length;
}

async function runBuilder(node, args, { rehearsals: text, hangUp }) {
  const env = { PATH: process.env.PATH, GANTRY_REHEARSAL: text };
  const builder = spawn(node, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  let said = "";
  builder.stderr.on("data", (text) => {
    said += text;
  });
  builder.stdout.on("data", hangUp);
  const [code] = await once(builder, "close");
  if (code !== 0) throw new Error(said.trim() || `exit code ${code}`);
}

/** Listens on `socket` as the engine does: see engine/protocol/. */
async function playEngine(socket) {
  const server = createServer();
  const webSockets = new WebSocketServer({ server });
  let stream = Promise.withResolvers();
  webSockets.on("connection", (webSocket, request) => {
    if (request.url !== "/rpc") stream.resolve(webSocket);
    webSocket.on("message", (text) => {
      const { id, method } = JSON.parse(text);
      webSocket.send(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
      if (method !== "containers.attach" && method !== "containers.exec") return;
      stream.promise.then((opened) => {
        stream = Promise.withResolvers();
        playProcess(opened);
      });
    });
  });
  server.listen(socket);
  await once(server, "listening");
  const hangUp = () => {
    for (const webSocket of webSockets.clients) webSocket.terminate();
  };
  return { server, hangUp };
}

/** A process that prints a line and ends. */
function playProcess(stream) {
  stream.send(Buffer.from("\x01a line\n"));
  stream.send(JSON.stringify({ type: "exit", exitCode: 0 }));
  stream.close(1000);
}
