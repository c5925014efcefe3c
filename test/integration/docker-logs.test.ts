import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it, vi } from "vitest";
import { dockerFor, sendRaw } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { demultiplex } from "../support/docker-stream.ts";
import { tempRoot } from "../support/temp-root.ts";

const { engine, ask, ...containers } = dockerEngineOfFile();
const both = "stdout=1&stderr=1";

beforeAll(async () => {
  await run("plain", "for i in 1 2 3; do echo out$i; echo err$i >&2; sleep 0.2; done");
  await run("terminal", "echo a; echo b", { Tty: true });
  await run("silent", "echo a", { HostConfig: { LogConfig: { Type: "none" } } });
  const config = { Type: "json-file", Config: { labels: "role", env: "A" } };
  await run("told", "echo a", { Labels: { role: "web" }, Env: ["A=b c"], HostConfig: { LogConfig: config } });
  for (const name of ["plain", "terminal", "silent", "told"]) await ask(`POST /containers/${name}/wait`);
});

const run = (name: string, script: string, body: object = {}) =>
  containers.run(name, { Cmd: ["sh", "-c", script], ...body });

async function logs(query: string, name = "plain", version = "") {
  const answer = await sendRaw(engine, `GET ${version}/containers/${name}/logs?${query}`);
  expect(answer.status).toBe(200);
  return { ...answer, output: () => demultiplex(answer.body) };
}

it("gives a frame a line", async () => {
  const { headers, body, output } = await logs(both);
  expect(headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
  expect(output()).toEqual({ stdout: "out1\nout2\nout3\n", stderr: "err1\nerr2\nerr3\n" });
  expect([...body.subarray(0, 13)]).toEqual([1, 0, 0, 0, 0, 0, 0, 5, ...Buffer.from("out1\n")]);
  expect(body.length).toBe(6 * 13);
  expect((await logs(both, "plain", "/v1.41")).headers["content-type"]).toBe("application/vnd.docker.raw-stream");
});

it("gives what a terminal showed as it is", async () => {
  const { headers, body } = await logs(both, "terminal");
  expect(headers["content-type"]).toBe("application/vnd.docker.raw-stream");
  expect(body.toString()).toBe("a\r\nb\r\n");
});

it("chooses streams, the end, and times", async () => {
  expect((await logs("stderr=1")).output()).toEqual({ stdout: "", stderr: "err1\nerr2\nerr3\n" });
  expect((await logs(`${both}&tail=1`)).output()).toEqual({ stdout: "", stderr: "err3\n" });
  expect((await logs(`${both}&tail=0`)).body.length).toBe(0);
  for (const all of ["all", "-1", "many"])
    expect((await logs(`${both}&tail=${all}`)).output().stdout).toContain("out1");
  const lines = (await logs("stdout=1&timestamps=1")).output().stdout.split("\n");
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out1$/);
  const [time = ""] = (lines[1] ?? "").split(" ");
  const moment = `${Math.floor(Date.parse(time) / 1000)}.${time.slice(20, 29)}`;
  expect((await logs(`stdout=1&since=${moment}`)).output().stdout).toBe("out2\nout3\n");
  expect((await logs(`stdout=1&until=${moment}`)).output().stdout).toMatch(/^out1\n(out2\n)?$/);
  expect((await logs(`stdout=1&since=0&until=0`)).output().stdout).toContain("out3");
});

it("says more of a container where it is asked to", async () => {
  expect((await logs("stdout=1&details=1", "told")).output().stdout).toBe("A=b+c,role=web a\n");
});

it("refuses in docker's words", async () => {
  expect(await ask("GET /containers/plain/logs")).toEqual({
    status: 400,
    body: { message: "Bad parameters: you must choose at least one stream" },
  });
  expect(await ask("GET /containers/none/logs?stdout=1")).toMatchObject({ status: 404 });
  expect(await ask("GET /containers/plain/logs?stdout=1&since=never")).toMatchObject({ status: 400 });
  expect(await ask("GET /containers/silent/logs?stdout=1")).toEqual({
    status: 501,
    body: { message: "configured logging driver does not support reading" },
  });
});

it("follows until the container ends, from the first moment", async () => {
  await run("talker", "sleep 0.5; echo one; sleep 0.5; echo two");
  const call = request({ socketPath: engine.config.dockerSocket, path: `/containers/talker/logs?${both}&follow=1` });
  call.end();
  const [response] = await once(call, "response");
  const chunks: string[] = [];
  response.on("data", (bytes: Buffer) => chunks.push(demultiplex(bytes).stdout));
  await once(response, "end");
  expect(chunks).toEqual(["one\n", "two\n"]);
});

it("stops when a client that follows goes", async () => {
  await run("endless", "while :; do echo line; sleep 0.1; done");
  const call = request({ socketPath: engine.config.dockerSocket, path: `/containers/endless/logs?${both}&follow=1` });
  call.on("error", () => undefined);
  call.end();
  const [response] = await once(call, "response");
  await once(response, "data");
  const open = () => readLogDescriptors();
  expect(await open()).toBe(1);
  call.destroy();
  await vi.waitFor(async () => expect(await open()).toBe(0));
  await ask("DELETE /containers/endless?force=1");
});

/** How many logs the engine reads. */
async function readLogDescriptors(): Promise<number> {
  const { readdir, readlink } = await import("node:fs/promises");
  const directory = `/proc/${engine.pid}/fd`;
  const links = await Promise.all(
    (await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`).catch(() => "")),
  );
  return links.filter((link) => /\/containers\/[^/]+\/.*log/.test(link)).length;
}

it("serves docker logs", async () => {
  await using root = await tempRoot();
  const docker = dockerFor(engine, root.path);
  expect(await docker(["logs", "plain"])).toEqual({
    code: 0,
    stdout: "out1\nout2\nout3\n",
    stderr: "err1\nerr2\nerr3\n",
  });
  expect(await docker(["logs", "-n", "2", "plain"])).toEqual({ code: 0, stdout: "out3\n", stderr: "err3\n" });
  expect(await docker(["logs", "--since", "1h", "--until", "0s", "plain"])).toMatchObject({
    stdout: "out1\nout2\nout3\n",
  });
  await run("slow", "echo begin; sleep 1; echo end");
  await sleep(200);
  expect(await docker(["logs", "-f", "slow"])).toMatchObject({ code: 0, stdout: "begin\nend\n" });
  expect(await docker(["logs", "silent"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("does not support reading"),
  });
});
