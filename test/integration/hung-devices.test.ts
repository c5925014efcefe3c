/** What a user has mounted may never answer: who asks for it is told so, and everybody else is served. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runContainer, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { hungDevice, sharedDirectory } from "../support/hung-device.ts";

const { engine, request, remove } = engineOfFile();
const gantry = gantryFor(engine.config);
let directory: string;
let shared: AsyncDisposable;

beforeAll(async () => {
  directory = await mkdtemp("/tmp/gantry-hung-");
  await mkdir(join(directory, "hung"));
  shared = await sharedDirectory(directory);
});
afterAll(async () => {
  await shared?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The longest that an answer took in ms, looked at again and again until `work` is over. */
async function longestAnswer(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  const over = work.then(
    () => true,
    () => true,
  );
  for (;;) {
    const begun = performance.now();
    await request("containers.list", { all: true });
    longest = Math.max(longest, performance.now() - begun);
    if (await Promise.race([over, sleep(50, false)])) return longest;
  }
}

const shell = (container: string, script: string, ...flags: string[]) =>
  gantry(["exec", ...flags, container, "sh", "-c", script]);

it("does not hold the engine up where a user is looked for in the files of a container", async () => {
  const bind = { type: "bind", source: directory, target: "/mnt", readOnly: false, createSource: false } as const;
  const id = await runContainer(engine, { mounts: [{ ...bind, options: [], propagation: "rslave" }] });
  const other = await runContainer(engine);
  expect(await shell(id, "ln -sf /mnt/hung/passwd /etc/passwd")).toMatchObject({ code: 0 });
  {
    await using _device = hungDevice(join(directory, "hung"));
    const asked = shell(id, "true", "-u", "daemon");
    const elsewhere = sleep(500).then(() => shell(other, "id -un", "-u", "daemon"));
    expect(await longestAnswer(asked)).toBeLessThan(500);
    expect(await elsewhere).toMatchObject({ code: 0, stdout: "daemon\n" });
    const words = `files in container ${id.slice(0, 12)}: the host gets no answer`;
    const refused = { code: 126, stderr: expect.stringContaining(words) };
    expect(await asked).toMatchObject(refused);
    // From now on at once.
    const begun = performance.now();
    expect(await shell(id, "true", "-u", "daemon")).toMatchObject(refused);
    expect(performance.now() - begun).toBeLessThan(5000);
  }
  await Promise.all([remove(id), remove(other)]);
}, 60_000);

it("does not hold the engine up where a part of a volume is mounted, or all of it is exported", async () => {
  const options = ["type=none", "o=bind", `device=${directory}`].flatMap((option) => ["--opt", option]);
  expect(await gantry(["volume", "create", ...options, "share"])).toMatchObject({ code: 0 });
  const run = ["run", "-d", "--init", "-v", "share:/mnt", "--name", "user", starterImage, "sleep", "100"];
  expect(await gantry(run)).toMatchObject({ code: 0 });
  {
    await using _device = hungDevice(join(directory, "hung"));
    const exporting = gantry(["volume", "export", "-o", "/dev/null", "share"]);
    const mount = ["--mount", "type=volume,src=share,dst=/x,volume-subpath=hung/x"];
    const asked = gantry(["run", "--rm", "--name", "part", ...mount, starterImage, "true"]);
    expect(await longestAnswer(asked)).toBeLessThan(500);
    const refused = { code: 125, stderr: expect.stringContaining("volume share: the host gets no answer") };
    expect(await asked).toMatchObject(refused);
    expect(await gantry(["volume", "export", "-o", "/dev/null", "share"])).toMatchObject({ ...refused, code: 1 });
    expect(await gantry(["run", "--rm", starterImage, "echo", "served"])).toMatchObject({ stdout: "served\n" });
    expect(await gantry(["engine", "stop"])).toMatchObject({ code: 0 });
    expect(await exporting).toMatchObject({ code: 1 });
  }
  await engine.start();
  await gantry(["rm", "-f", "user"]);
}, 90_000);
