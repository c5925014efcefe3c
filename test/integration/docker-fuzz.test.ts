import { readdirSync } from "node:fs";
import { request as httpRequest } from "node:http";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { sendRaw } from "/work/main/test/support/docker-command.ts";
import { anyRequest, type FuzzRequest } from "../support/docker-arbitrary.ts";
import { askDocker } from "../support/docker-client.ts";
import { createContainer, eventually, runContainer } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

/** Milliseconds. */
const duration = Number(process.env.GANTRY_FUZZ_MS ?? 60_000);
const answerPatience = 15_000;
/** Long enough for all but endless answers. */
const bodyPatience = 200;

const { engine } = engineOfFile();

/** These ask the network; of what there is not, a part is enough. */
const excluded =
  /^(POST \/(images\/create|auth|images\/\{name\}\/push|session)|GET \/(images\/search|distribution\/.*)|.* \/(plugins|nodes|tasks|secrets|configs|services|swarm)\/.*)$/;

const program = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];

let archive: Buffer = Buffer.alloc(0);

async function restore(): Promise<void> {
  if ((await askDocker(engine, "GET /images/gantry%2Fbusybox/json")).status === 404) {
    await sendRaw(engine, "POST /images/load", { headers: { "Content-Type": "application/x-tar" }, body: archive });
  }
  const { body } = await askDocker(engine, "GET /containers/fuzz/json");
  const { State } = body as { State?: { Status: string } };
  if (State?.Status !== "running") {
    await askDocker(engine, "DELETE /containers/fuzz?force=1");
    await runContainer(engine, { name: "fuzz", command: program });
  }
  const { status } = await askDocker(engine, "GET /containers/fuzz-stopped/json");
  if (status === 404) await createContainer(engine, { name: "fuzz-stopped", command: program });
}

type Answer = { readonly status: number; readonly text: string; readonly isWhole: boolean };

/** The client goes when its answer does not come to an end. */
async function send({ method, path, headers, body }: FuzzRequest): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const lengths = method === "GET" || method === "HEAD" ? {} : { "Content-Length": Buffer.byteLength(body) };
    const options = {
      socketPath: engine.config.dockerSocket,
      method,
      path,
      headers: { ...headers, ...lengths },
      agent: false,
    };
    const call = httpRequest(options, (response) => {
      let text = "";
      const end = (isWhole: boolean) => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text, isWhole });
        call.destroy();
      };
      const timer = setTimeout(end, bodyPatience, false);
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.once("end", () => end(true));
      response.once("error", () => end(false));
    });
    // Old clients have no answer before the container ends.
    const mayWait = path.includes("/wait?");
    call.setTimeout(mayWait ? bodyPatience : answerPatience, () => call.destroy(new Error("no answer")));
    call.once("error", (error) => (mayWait ? resolve({ status: 200, text: "", isWhole: false }) : reject(error)));
    call.end(method === "GET" || method === "HEAD" ? "" : body);
  });
}

/** A container that could be made can be started, or says why not; then it goes. What else has an id is not found. */
async function tryOut(id: string): Promise<void> {
  const { status } = await askDocker(engine, `POST /containers/${id}/start`);
  expect([204, 304, 400, 404, 409]).toContain(status);
  await askDocker(engine, `DELETE /containers/${id}?force=1&v=1`);
}

beforeAll(async () => {
  archive = (await sendRaw(engine, "GET /images/gantry%2Fbusybox/get")).body;
  await restore();
});

it("answers whatever is asked in docker's way, and lives", async () => {
  const before = readdirSync(`/proc/${engine.pid}/fd`).length;
  const pid = engine.pid;
  const requests = anyRequest((method, path) => !excluded.test(`${method} ${path}`));
  const isGood = fc.asyncProperty(requests, async (asked) => {
    const { status, text, isWhole } = await send(asked);
    expect(status).toBeGreaterThanOrEqual(100);
    if (status >= 400 && asked.method !== "HEAD" && isWhole) {
      expect(JSON.parse(text)).toEqual({ message: expect.stringMatching(/\S/) });
      expect(text).not.toMatch(/cannot read properties|is not a function|is not iterable|undefined/i);
    }
    if (status === 201 && text.startsWith('{"Id"')) await tryOut(JSON.parse(text).Id);
    await restore();
  });
  await fc.assert(isGood, {
    numRuns: 1_000_000,
    interruptAfterTimeLimit: duration,
    markInterruptAsFailure: false,
    maxSkipsPerRun: 1_000,
    endOnFailure: true,
  });
  expect(engine.pid).toBe(pid);
  expect((await askDocker(engine, "GET /_ping")).status).toBe(200);
  for (const { id } of await engine.client.request("containers.list", { all: true })) {
    await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
  }
  await eventually(() => readdirSync(`/proc/${engine.pid}/fd`).length <= before + 5, 20);
  const failures = (await engine.log())
    .split("\n")
    .filter((line) => line.includes("a request of a docker client failed"));
  expect(failures.slice(0, 5)).toEqual([]);
}, 240_000);
