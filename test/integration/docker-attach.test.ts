import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { runDocker } from "../support/docker-client.ts";
import { dockerFor } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { openDockerStream } from "../support/docker-stream.ts";
import { starterImage } from "../support/engine.ts";
import { tempRoot } from "../support/temp-root.ts";

const { engine, ask, start, ...containers } = dockerEngineOfFile();
const everything = "stream=1&stdin=1&stdout=1&stderr=1";

const create = (script: string, body: object = {}) =>
  containers.create("", { Cmd: ["sh", "-c", script], OpenStdin: true, StdinOnce: true, ...body });

const remove = (id: string) => ask(`DELETE /containers/${id}?force=1`);
/** MiB. */
const memory = async () =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${engine.pid}/status`, "utf8"))?.[1]) / 1024;
const sockets = async () => (await readdir(`/proc/${engine.pid}/fd`)).length;

it.each([
  [true, "101 UPGRADED"],
  [false, "200 OK"],
])("gives all from the first byte to whom attached before the start, upgrade %s", async (upgrade, status) => {
  const id = await create("cat; echo end >&2; exit 3");
  using stream = await openDockerStream(engine, `/v1.41/containers/${id}/attach?${everything}`, { upgrade });
  expect(stream.head).toContain(`HTTP/1.1 ${status}\r\nContent-Type: application/vnd.docker.raw-stream`);
  const waiting = ask(`POST /containers/${id}/wait?condition=next-exit`);
  await start(id);
  stream.socket.write("typed\n");
  await stream.until("typed");
  // Half of the connection: output still comes.
  stream.socket.end("last");
  expect(await stream.output()).toEqual({ stdout: "typed\nlast", stderr: "end\n" });
  expect(await waiting).toMatchObject({ body: { StatusCode: 3 } });
  await remove(id);
});

it("tells newer clients that the stream has frames, and that a terminal's has none", async () => {
  const [plain, terminal] = [await create("echo a"), await create("echo a", { Tty: true })];
  using framed = await openDockerStream(engine, `/v1.42/containers/${plain}/attach?${everything}`);
  using raw = await openDockerStream(engine, `/v1.42/containers/${terminal}/attach?${everything}`);
  expect(framed.head).toContain("application/vnd.docker.multiplexed-stream");
  expect(raw.head).toContain("application/vnd.docker.raw-stream");
  await Promise.all([start(plain), start(terminal)]);
  expect((await raw.ended()).toString()).toBe("a\r\n");
  await Promise.all([remove(plain), remove(terminal)]);
});

it.each([true, false])("passes over a body, and what comes before the answer, upgrade %s", async (upgrade) => {
  const id = await create("cat");
  const body = { stream: true, stdin: true };
  using stream = await openDockerStream(engine, `/containers/${id}/attach?${everything}`, { body, upgrade });
  using early = await openDockerStream(engine, `/containers/${id}/attach?${everything}`, { early: "hello", upgrade });
  await start(id);
  stream.socket.end("x");
  expect(await stream.output()).toEqual({ stdout: "x", stderr: "" });
  expect(await early.output()).toEqual({ stdout: "x", stderr: "" });
  await remove(id);
});

it("gives only the streams that were asked for, and the log before them", async () => {
  const id = await create("echo out; echo err >&2; read line; echo $line; echo $line >&2");
  await start(id);
  await vi.waitFor(async () => expect((await ask(`GET /containers/${id}/logs?stderr=1`)).body).toContain("err"));
  using errors = await openDockerStream(engine, `/containers/${id}/attach?stream=1&logs=1&stderr=1`);
  using log = await openDockerStream(engine, `/containers/${id}/attach?logs=1&stdout=1`);
  expect(await log.output()).toEqual({ stdout: "out\n", stderr: "" });
  using input = await openDockerStream(engine, `/containers/${id}/attach?stream=1&stdin=1`);
  input.socket.end("line\n");
  expect(await errors.output()).toEqual({ stdout: "", stderr: "err\nline\n" });
  expect(await input.output()).toEqual({ stdout: "", stderr: "" });
  await remove(id);
});

it("refuses in docker's way before it takes the connection", async () => {
  const id = await create("sleep 100", { HostConfig: { Init: true } });
  const attached = await openDockerStream(engine, "/containers/none/attach?stream=1");
  expect(attached.head).toContain("HTTP/1.1 404 Not Found");
  await start(id);
  await ask(`POST /containers/${id}/pause`);
  expect(await ask(`POST /containers/${id}/attach?stream=1`)).toMatchObject({ status: 409 });
  await ask(`POST /containers/${id}/unpause`);
  expect(await ask(`POST /containers/${id}/attach?detachKeys=nonsense`)).toMatchObject({ status: 400 });
  await remove(id);
});

it("lets a terminal go by its keys, and the next client go on", async () => {
  const id = await create("cat", { Tty: true });
  await start(id);
  const path = `/containers/${id}/attach?${everything}`;
  using first = await openDockerStream(engine, `${path}&detachKeys=ctrl-x,a`);
  first.socket.write("one\n");
  await first.until("one\r\none");
  first.socket.write("\u0018a");
  await first.ended();
  using second = await openDockerStream(engine, path);
  second.socket.write("two\n");
  await second.until("two\r\ntwo");
  second.socket.write("\u0010\u0011");
  await second.ended();
  expect(await ask(`GET /containers/${id}/json`)).toMatchObject({ body: { State: { Status: "running" } } });
  const events = await runDocker(
    engine,
    "events",
    "--since=1h",
    `--until=${Math.ceil(Date.now() / 1000)}`,
    "--filter=event=detach",
  );
  expect(events.split("\n")).toHaveLength(2);
  await remove(id);
});

it("ends a client whose input ends where the container's does not", async () => {
  const id = await create("cat", { StdinOnce: false });
  await start(id);
  using stream = await openDockerStream(engine, `/containers/${id}/attach?${everything}`);
  stream.socket.end("x\n");
  await stream.ended();
  expect(await ask(`GET /containers/${id}/json`)).toMatchObject({ body: { State: { Status: "running" } } });
  await remove(id);
});

it("ends those that wait for a start that fails", async () => {
  const id = await create("", { Cmd: ["/no/such/program"] });
  using stream = await openDockerStream(engine, `/containers/${id}/attach?${everything}`);
  expect((await ask(`POST /containers/${id}/start`)).status).toBe(400);
  expect(await stream.output()).toEqual({ stdout: "", stderr: "" });
  await remove(id);
});

it("speaks WebSocket, and to no web page", async () => {
  const id = await create("cat");
  const url = `ws+unix:${engine.config.dockerSocket}:/containers/${id}/attach/ws?${everything}`;
  const foreign = new WebSocket(url, { headers: { Origin: "http://elsewhere" } });
  const [, response] = await once(foreign, "unexpected-response").catch((error) => [null, error]);
  expect(response.statusCode).toBe(403);
  response.resume();
  expect(await ask(`GET /containers/${id}/attach/ws`)).toMatchObject({ status: 400 });
  const socket = new WebSocket(url);
  await once(socket, "open");
  await start(id);
  socket.send("hello");
  const [bytes] = await once(socket, "message");
  expect(String(bytes)).toBe("hello");
  const closed = once(socket, "close");
  await remove(id);
  await closed;
});

it("closes a WebSocket whose handshake is none", async () => {
  const id = await create("cat");
  const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
  const call = request({ socketPath: engine.config.dockerSocket, path: `/containers/${id}/attach/ws`, headers });
  call.end();
  const [response] = await once(call, "response");
  expect(response.statusCode).toBe(400);
  response.resume();
  await once(response.socket, "close");
  await remove(id);
});

it("lets go of clients that vanish: at once, and also those that ended their input before", async () => {
  const id = await create("sleep 1000", { HostConfig: { Init: true } });
  await start(id);
  await ask(`GET /containers/${id}/json`);
  const before = await sockets();
  const path = `/containers/${id}/attach?${everything}`;
  const streams = await Promise.all(Array.from({ length: 20 }, () => openDockerStream(engine, path)));
  for (const [index, stream] of streams.entries()) if (index < 10) stream.socket.end();
  await sleep(100);
  expect(await sockets()).toBeGreaterThan(before + 30);
  for (const stream of streams) stream.socket.destroy();
  await vi.waitFor(async () => expect(await sockets()).toBeLessThan(before + 6), { timeout: 12_000 });
  await remove(id);
}, 20_000);

it("holds back the output of a container for a client that does not read", async () => {
  const id = await create("yes $(seq 100) | head -c 20000000");
  using stream = await openDockerStream(engine, `/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
  stream.socket.pause();
  const before = await memory();
  await start(id);
  await sleep(1_000);
  expect(await memory()).toBeLessThan(before + 30);
  stream.socket.resume();
  let length = 0;
  stream.socket.removeAllListeners("data").on("data", (bytes) => {
    length += bytes.length;
  });
  await once(stream.socket, "end");
  expect(length).toBeGreaterThan(20_000_000);
  await remove(id);
}, 30_000);

it("serves docker run, start and attach with pipes", async () => {
  await using root = await tempRoot();
  const docker = dockerFor(engine, root.path);
  const script = "cat; echo err >&2; exit 7";
  expect(await docker(["run", "--rm", "-i", starterImage, "sh", "-c", script], { input: "in\n" })).toEqual({
    code: 7,
    stdout: "in\n",
    stderr: "err\n",
  });
  expect(await docker(["create", "--name=again", "-i", starterImage, "sh", "-c", script])).toMatchObject({ code: 0 });
  for (const input of ["one\n", "two\n"]) {
    expect(await docker(["start", "-ai", "again"], { input })).toEqual({ code: 7, stdout: input, stderr: "err\n" });
  }
  const input = Buffer.alloc(30_000_000, "0123456789abcdef\n");
  const echoed = await docker(["run", "--rm", "-i", starterImage, "cat"], { input });
  expect(echoed.stdout.length).toBe(input.length);
  // It ends while there is more to read.
  expect(await docker(["run", "--rm", "-i", starterImage, "true"], { input })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  await docker(["rm", "again"]);
}, 60_000);

it("ends what is attached when the engine stops, and leaves the container alone", async () => {
  const id = await create("cat", { StdinOnce: false });
  await start(id);
  using stream = await openDockerStream(engine, `/containers/${id}/attach?${everything}`);
  await engine.stop("SIGTERM");
  await stream.ended();
  await engine.start();
  using again = await openDockerStream(engine, `/containers/${id}/attach?${everything}`);
  again.socket.write("still here");
  await again.until("still here");
  await remove(id);
  await again.ended();
});
