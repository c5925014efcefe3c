import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { eventually, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { busyTraces } from "../support/fault-build-storm.ts";

const { engine } = engineOfFile();

function tarOfDockerfile(dockerfile: string): Buffer {
  const script =
    "import sys, io, tarfile\nd = sys.stdin.buffer.read()\nt = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')\n" +
    "i = tarfile.TarInfo('Dockerfile'); i.size = len(d)\nt.addfile(i, io.BytesIO(d)); t.close()";
  return execFileSync("python3", ["-c", script], { input: dockerfile });
}

const good = tarOfDockerfile(`FROM ${starterImage}\nRUN echo fine\n`);

type Answer = { readonly status: number; readonly text: string };

async function post(query: string, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const call = request({
    socketPath: engine.config.dockerSocket,
    method: "POST",
    path: `/build?${query}`,
    headers: { "Content-Type": "application/x-tar", ...headers },
  });
  call.end(body);
  try {
    const [response] = (await once(call, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}

async function isFine(): Promise<void> {
  expect((await post("", good)).text).toContain("Successfully built");
  await eventually(() => busyTraces(engine).length === 0, 5);
}

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value));

it.each([
  ["arguments that are a list", `buildargs=${json([1])}`],
  ["arguments that are numbers", `buildargs=${json({ A: 1 })}`],
  ["arguments that are no JSON", "buildargs={"],
  ["labels that are text", `labels=${json("x")}`],
  ["limits that are objects", `ulimits=${json({})}`],
  ["limits without numbers", `ulimits=${json([{ Name: "nofile", Soft: "x", Hard: 1 }])}`],
  ["memory that is text", "memory=lots"],
  ["memory below zero", "memory=-5"],
  ["a tag with control characters", `t=${encodeURIComponent("a\u001b[2Jb")}`],
  ["a tag that leads up", `t=${encodeURIComponent("../../x")}`],
  ["a network that is none", `networkmode=${encodeURIComponent("no\nnet")}`],
  ["a network of a container", "networkmode=container:x"],
  ["a host without an address", "extrahosts=x"],
  ["a platform that is none", "platform=x/y/z/w"],
  ["a Dockerfile above", `dockerfile=${encodeURIComponent("../../../etc/passwd")}`],
  ["a target that is not there", "target=nope"],
  ["a context that is a program", `remote=${encodeURIComponent("ext::sh -c id% >&2")}`],
  ["a context that is an option of git", `remote=${encodeURIComponent("git@--upload-pack=id:x.git")}`],
])("refuses %s, and goes on", async (_what, query) => {
  const { status, text } = await post(query, good);
  expect([status, text], text).toEqual([
    status >= 400 && status < 500 ? status : 200,
    expect.stringMatching(/"error"|"message"/),
  ]);
  expect(text).not.toContain("root:x:0");
  expect(text).not.toContain("\u001b");
  expect(text).not.toMatch(/at .*\.ts:\d+/);
});

it("bears headers that are huge or broken", async () => {
  const account = Buffer.from(JSON.stringify({ x: { username: "u".repeat(5_000) } })).toString("base64url");
  for (const header of ["e30", "!!!", account, "W10", Buffer.from("null").toString("base64url")]) {
    expect((await post("", good, { "X-Registry-Config": header })).text).toContain("Successfully built");
  }
  const huge = await post("", good, { "X-Registry-Config": "A".repeat(200_000) });
  expect([0, 200, 400, 431]).toContain(huge.status);
  await isFine();
});

it.each([
  ["cut off", good.subarray(0, 530)],
  ["with a broken sum", Buffer.concat([Buffer.from("x"), good.subarray(1)])],
  ["that says to be huge", hugeEntry()],
  ["of endless names", longNames()],
  ["gzip cut off", gzip(good).subarray(0, 40)],
])("refuses a tar %s", async (_what, tar) => {
  const { status, text } = await post("", tar);
  expect([status === 400, /"error"/.test(text)]).toContain(true);
  await isFine();
});

/** A header that promises 8 EiB. */
function hugeEntry(): Buffer {
  const script =
    "import sys, tarfile\ni = tarfile.TarInfo('Dockerfile'); i.size = 1 << 62\n" +
    "sys.stdout.buffer.write(i.tobuf(tarfile.GNU_FORMAT) + b'x' * 5000)";
  return execFileSync("python3", ["-c", script]);
}

/** A name of 64 MiB, as GNU's tar would write it. */
function longNames(): Buffer {
  const script =
    "import sys, tarfile\ni = tarfile.TarInfo('a' * (64 << 20)); sys.stdout.buffer.write(i.tobuf(tarfile.GNU_FORMAT))";
  return execFileSync("python3", ["-c", script], { maxBuffer: 2 ** 28 });
}

function gzip(bytes: Buffer): Buffer {
  return execFileSync("gzip", ["-c"], { input: bytes });
}

it("does not grow with a client that stops reading, nor waits for one that stops writing", async () => {
  const memory = () =>
    Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]) / 1024;
  const before = memory();
  const flood = tarOfDockerfile(`FROM ${starterImage}\nRUN timeout 5 yes; echo over\n`);
  const options = { socketPath: engine.config.dockerSocket, method: "POST", path: "/build" };
  const reader = request(options);
  reader.on("error", () => undefined);
  reader.end(flood);
  const [response] = (await once(reader, "response")) as [IncomingMessage];
  response.pause();
  response.on("error", () => undefined);
  const writer = request({ ...options, headers: { "Content-Length": String(10 << 20) } });
  writer.on("error", () => undefined);
  writer.write(good);
  let peak = 0;
  let worst = 0;
  for (let count = 0; count < 100; count++) {
    const begin = performance.now();
    await engine.client.request("builds.list", {});
    worst = Math.max(worst, performance.now() - begin);
    peak = Math.max(peak, memory());
    await sleep(30);
  }
  writer.destroy();
  reader.destroy();
  expect(peak - before).toBeLessThan(200);
  expect(worst).toBeLessThan(1_000);
  const isOver = async () =>
    (await engine.client.request("builds.list", {})).every(({ status }) => status !== "running");
  await eventually(isOver, 5);
  await isFine();
}, 30_000);

it("tells nobody a secret of a build by docker's own ways", async () => {
  const password = "p4ssw0rd-of-ann";
  const account = Buffer.from(JSON.stringify({ "localhost:1": { username: "ann", password } })).toString("base64url");
  const tar = tarOfDockerfile(`FROM localhost:1/none\nRUN true\n`);
  const { text } = await post("", tar, { "X-Registry-Config": account });
  expect(text).toContain("cannot be reached");
  const [build] = await engine.client.request("builds.list", {});
  const told = JSON.stringify([text, build, await engine.client.request("builds.inspect", { build: build?.id ?? "" })]);
  expect(told + (await engine.log())).not.toContain(password);
});
