import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createContainer, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose]());

const upperOf = (id: string) => join(engine.config.root, "containers", id, "upper");
const fill = (id: string, script: string) => execFileSync("sh", ["-ec", script], { cwd: upperOf(id) });

async function pagesOf(container: string, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await engine.client.request("containers.changes", { container, limit, ...(after && { after }) });
    pages.push(page.changes.map(({ kind, path }) => `${kind} ${path}`));
    expect(page.truncated).toBe(page.next !== null);
    after = page.next;
  }
  return pages;
}

it("gives each change once, whatever the size of the page", async () => {
  const id = await createContainer(engine);
  fill(id, "mkdir -p a/b a.b 'a b' z; touch a/b/1 a/b/2 a/x a.b/y a-file z/last; mknod bin c 0 0");
  fill(id, "printf x > \"$(printf 'a/b/\\377')\"");
  const [whole = []] = await pagesOf(id, 5000);
  expect(whole).toContain("deleted /bin");
  expect(whole).toHaveLength(13);
  for (const size of [1, 2, 3, 7]) {
    const pages = await pagesOf(id, size);
    expect(pages.flat().sort()).toEqual(whole.toSorted());
    expect(pages.slice(0, -1).every((page) => page.length === size)).toBe(true);
  }
});

it("leaves out what the engine made, but not what the container did beside it", async () => {
  const id = await runContainer(engine, { image: "gantry/busybox" });
  expect(await pagesOf(id, 100)).toEqual([[]]);
  await engine.client.request("containers.stop", { container: id, timeout: 0 });
  fill(id, "mkdir -p etc dev; touch etc/hosts etc/hostname dev/console");
  expect((await pagesOf(id, 100)).flat()).toEqual([]);
  fill(id, "touch dev/own; echo x > etc/motd");
  expect((await pagesOf(id, 1)).flat().sort()).toEqual(["added /dev/own", "added /etc/motd", "changed /etc"]);
  fill(id, "rm etc/motd; echo x > etc/hosts");
  expect((await pagesOf(id, 100)).flat().sort()).toEqual(["added /dev/own", "added /etc/hosts", "changed /etc"]);
  expect(await engine.client.request("layers.ofContainer", { container: id })).toMatchObject({
    writable: { added: 2, changed: 1, deleted: 0 },
  });
});

it("lists 100,000 changes in docker's order, and answers others meanwhile", async () => {
  const id = await createContainer(engine, { name: "many" });
  fill(id, "mkdir many; cd many; seq 100000 | xargs touch");
  const gantry = gantryFor(engine.config);
  const other = await engine.connect();
  const listing = gantry(["diff", "many"]);
  let isDone = false;
  void listing.finally(() => {
    isDone = true;
  });
  const waits: number[] = [];
  while (!isDone) {
    const begun = performance.now();
    await other.request("containers.list", { all: true });
    waits.push(performance.now() - begun);
  }
  const lines = (await listing).stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(100_001);
  expect(lines.slice(0, 3)).toEqual(["A /many", "A /many/1", "A /many/10"]);
  waits.sort((a, b) => b - a);
  // A little for whoever else is at work on this machine.
  expect(waits[3]).toBeLessThan(100);
});
