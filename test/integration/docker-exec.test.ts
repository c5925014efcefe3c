import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it, vi } from "vitest";
import { dockerFor } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { openDockerStream } from "../support/docker-stream.ts";
import { tempRoot } from "../support/temp-root.ts";

const { engine, ask, run } = dockerEngineOfFile();
const outputs = { AttachStdout: true, AttachStderr: true };

beforeAll(async () => {
  await run("main");
});

async function create(script: string, body: object = {}, container = "main"): Promise<string> {
  const answer = await ask(`POST /containers/${container}/exec`, { Cmd: ["sh", "-c", script], ...outputs, ...body });
  expect(answer).toMatchObject({ status: 201 });
  checkAnswer({ method: "POST", path: "/containers/{id}/exec", status: 201 }, answer.body);
  return (answer.body as { Id: string }).Id;
}

async function inspect(id: string): Promise<unknown> {
  const body = (await ask(`GET /exec/${id}/json`)).body as { ExitCode: number | null };
  // As moby has it before the end, against its own description.
  const { ExitCode, ...others } = body;
  checkAnswer({ method: "GET", path: "/exec/{id}/json" }, ExitCode === null ? others : body);
  return body;
}

it.each([true, false])(
  "gives output, takes input, and knows the exit code when the stream ends, upgrade %s",
  async (upgrade) => {
    const id = await create("cat; echo err >&2; exit 5", {
      AttachStdin: true,
      Env: ["A=b"],
      WorkingDir: "/tmp",
      User: "nobody",
    });
    expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: null, Pid: 0, OpenStdin: true });
    using stream = await openDockerStream(engine, `/exec/${id}/start`, {
      upgrade,
      body: { Detach: false, Tty: false },
    });
    expect(stream.head).toContain(upgrade ? "101 UPGRADED" : "200 OK");
    await vi.waitFor(async () => expect(await inspect(id)).toMatchObject({ Running: true, ExitCode: null }));
    stream.socket.end("hello");
    expect(await stream.output()).toEqual({ stdout: "hello", stderr: "err\n" });
    expect(await inspect(id)).toMatchObject({
      ID: id,
      Running: false,
      ExitCode: 5,
      OpenStdout: true,
      ProcessConfig: { entrypoint: "sh", arguments: ["-c", "cat; echo err >&2; exit 5"], user: "nobody", tty: false },
    });
  },
);

it("gives the streams that were asked for only", async () => {
  const id = await create("echo out; echo err >&2", { AttachStdout: false });
  using stream = await openDockerStream(engine, `/exec/${id}/start`, { body: {} });
  expect(await stream.output()).toEqual({ stdout: "", stderr: "err\n" });
});

it("begins a terminal with its size, changes it, and lets its client go by keys", async () => {
  const id = await create("stty size; read line; stty size; cat", {
    AttachStdin: true,
    Tty: true,
    ConsoleSize: [11, 22],
    DetachKeys: "ctrl-x,q",
  });
  using stream = await openDockerStream(engine, `/exec/${id}/start`, { body: { Tty: true } });
  await stream.until("11 22\r\n");
  expect(await ask(`POST /exec/${id}/resize?h=33&w=44`)).toMatchObject({ status: 200 });
  await sleep(200);
  stream.socket.write("\n");
  await stream.until("33 44\r\n");
  stream.socket.write("\u0018q");
  await stream.ended();
  expect(await inspect(id)).toMatchObject({ Running: true, DetachKeys: "GHE=" });
});

it("keeps a size that comes before the start", async () => {
  const id = await create("stty size", { Tty: true });
  await ask(`POST /exec/${id}/resize?h=12&w=34`);
  using stream = await openDockerStream(engine, `/exec/${id}/start`, { body: { Tty: true } });
  expect((await stream.ended()).toString()).toBe("12 34\r\n");
});

it("starts one without its client, once", async () => {
  const id = await create("echo done > /tmp/done");
  expect(await ask(`POST /exec/${id}/start`, { Detach: true })).toEqual({ status: 200, body: "" });
  await vi.waitFor(async () => expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: 0 }));
  expect(await ask(`POST /exec/${id}/start`, { Detach: true })).toMatchObject({ status: 409 });
});

it("says why a command cannot be run in the stream, with docker's exit code", async () => {
  const id = await create("", { Cmd: ["nosuch"] });
  using stream = await openDockerStream(engine, `/exec/${id}/start`, { body: {} });
  expect((await stream.output()).stdout).toMatch(/executable file not found in \$PATH\r\n$/);
  expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: 127 });
});

it("refuses in docker's words", async () => {
  expect(await ask("POST /containers/none/exec", { Cmd: ["ls"] })).toMatchObject({ status: 404 });
  expect(await ask("POST /containers/main/exec", { Cmd: [] })).toEqual({
    status: 400,
    body: { message: "No exec command specified" },
  });
  expect(await ask("POST /containers/main/exec", { Cmd: "ls", DetachKeys: "what" })).toMatchObject({ status: 400 });
  const unknown = { status: 404, body: { message: "No such exec instance: none" } };
  expect(await ask("GET /exec/none/json")).toEqual(unknown);
  expect(await ask("POST /exec/none/start", {})).toEqual(unknown);
  expect(await ask("POST /exec/none/resize?h=1&w=1")).toEqual(unknown);
  const id = await create("ls");
  const sized = await ask(`POST /exec/${id}/start`, { ConsoleSize: [1, 2] });
  expect(sized).toEqual({ status: 400, body: { message: "console size is only supported when TTY is enabled" } });
});

it("knows nothing of what ran in a container that is gone, and starts nothing in one that has ended", async () => {
  await run("other");
  const id = await create("ls", {}, "other");
  await ask("POST /containers/other/kill");
  await ask("POST /containers/other/wait");
  expect(await ask(`POST /exec/${id}/start`, {})).toMatchObject({ status: 409 });
  expect(await ask("POST /containers/other/exec", { Cmd: ["ls"] })).toMatchObject({ status: 409 });
  await ask("DELETE /containers/other");
  expect(await ask(`GET /exec/${id}/json`)).toMatchObject({ status: 404 });
});

it("leaves no connection and no process behind after many, at the same time", async () => {
  const execs = Array.from({ length: 30 }, async (_, index) => {
    const id = await create(`echo ${index}; exit ${index}`);
    using stream = await openDockerStream(engine, `/exec/${id}/start`, { body: {} });
    expect(await stream.output()).toEqual({ stdout: `${index}\n`, stderr: "" });
    expect(await inspect(id)).toMatchObject({ ExitCode: index });
  });
  await Promise.all(execs);
  expect(await ask("GET /containers/main/json")).toMatchObject({ status: 200 });
});

it("serves docker exec", async () => {
  await using root = await tempRoot();
  const docker = dockerFor(engine, root.path);
  const script = "cat; id -un; pwd; echo $A; echo err >&2; exit 6";
  const flags = ["-i", "-u", "nobody", "-w", "/tmp", "-e", "A=b"];
  expect(await docker(["exec", ...flags, "main", "sh", "-c", script], { input: "in\n" })).toEqual({
    code: 6,
    stdout: "in\nnobody\n/tmp\nb\n",
    stderr: "err\n",
  });
  expect(await docker(["exec", "main", "nosuch"])).toMatchObject({ code: 127 });
  expect(await docker(["exec", "main", "/etc"])).toMatchObject({ code: 126 });
  expect(await docker(["exec", "-d", "main", "touch", "/tmp/detached"])).toMatchObject({ code: 0, stdout: "" });
  await vi.waitFor(async () =>
    expect(await docker(["exec", "main", "ls", "/tmp/detached"])).toMatchObject({ code: 0 }),
  );
  const input = Buffer.alloc(20_000_000, "0123456789abcdef\n");
  expect((await docker(["exec", "-i", "main", "cat"], { input })).stdout.length).toBe(input.length);
  expect(await docker(["exec", "-i", "main", "true"], { input })).toEqual({ code: 0, stdout: "", stderr: "" });
}, 60_000);
