/** Testcontainers for Node, in a process of its own as a test suite of somebody's, with its reaper and without. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { runDocker } from "../support/docker-client.ts";
import { eventually, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { makeReaperImage } from "../support/reaper-image.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const suite = join(import.meta.dirname, "../support/testcontainers-suite.ts");

describe("Testcontainers", () => {
  const { engine } = engineOfFile();
  const children: ChildProcessWithoutNullStreams[] = [];
  let directory: TempRoot;

  beforeAll(async () => {
    directory = await tempRoot();
    await makeReaperImage(engine, directory);
  }, 60_000);
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });
  afterAll(() => directory?.[Symbol.asyncDispose]());

  function start(settings: Record<string, string>): ChildProcessWithoutNullStreams {
    // Its lock lies in the directory for temporary files.
    const places = { HOME: directory.path, TMPDIR: directory.path };
    const host = { DOCKER_HOST: `unix://${engine.config.dockerSocket}`, IMAGE: starterImage };
    const env = { PATH: process.env.PATH, ...places, ...host, ...settings };
    const child = spawn(process.execPath, [suite], { env });
    children.push(child);
    return child;
  }

  async function seenBy(child: ChildProcessWithoutNullStreams): Promise<Record<string, unknown>> {
    const complaints = text(child.stderr);
    for await (const line of createInterface(child.stdout)) return JSON.parse(line);
    throw new Error(await complaints);
  }

  const containers = () => runDocker(engine, "ps", "-aq", "--no-trunc");
  const networks = () => runDocker(engine, "network", "ls", "-q", "--no-trunc", "--filter", "type=custom");

  const expected = {
    page: "a page\n",
    exec: { exitCode: 0, output: "a page\n", stdout: "a page\n", stderr: "" },
    failing: 7,
    logs: "ready to serve hello\n",
    archive: true,
    afterRestart: "a page\n",
  };

  it("starts containers, waits for ports, lines and health, and takes them away", async () => {
    const child = start({ TESTCONTAINERS_RYUK_DISABLED: "true" });
    const seen = await seenBy(child);
    expect(seen).toMatchObject(expected);
    expect((await containers()).split("\n").sort()).toEqual((seen.containers as string[]).toSorted());
    expect(await networks()).toBe(seen.network);
    child.stdin.write("\n");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect([await containers(), await networks()]).toEqual(["", ""]);
  }, 90_000);

  it("has its reaper remove what a killed suite left", async () => {
    const child = start({});
    const seen = await seenBy(child);
    expect(seen).toMatchObject(expected);
    expect((await containers()).split("\n")).toHaveLength(4);
    child.kill("SIGKILL");
    await eventually(async () => (await containers()) === "" && (await networks()) === "", 20);
  }, 90_000);
});
