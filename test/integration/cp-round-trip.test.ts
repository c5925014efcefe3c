import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyIn } from "../../src/client/upload.ts";
import { createContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { copyOut, entriesOf } from "../support/tar-listing.ts";
import { tarOf } from "../support/tar-of.ts";

let engine: TestEngine;
let directory: string;
beforeAll(async () => {
  engine = await startTestEngine();
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

const sh = (script: string) => execFileSync("sh", ["-ec", script], { cwd: directory }).toString();

it("brings many files, large and small, there and back the same", async () => {
  sh(`mkdir tree; cd tree
    for d in $(seq 30); do mkdir -p d$d/deep/er; for f in $(seq 40); do head -c $((d * f * 37)) /dev/urandom > d$d/deep/f$f; done; done
    head -c 20000000 /dev/urandom > large; truncate -s 3000000 sparse; ln large d1/linked; ln -s ../large d2/link; chmod 4711 large
    printf x > "$(printf 'line\\nbreak')"; printf x > 'ünïcode'; n=$(printf 'n%.0s' $(seq 200)); mkdir $n; printf x > $n/$n`);
  const gantry = gantryFor(engine.config);
  await createContainer(engine, { name: "there" });
  expect(await gantry(["cp", join(directory, "tree"), "there:/"])).toMatchObject({ code: 0, stderr: "" });
  expect(await gantry(["cp", "there:/tree", join(directory, "back")])).toMatchObject({ code: 0, stderr: "" });
  // Whole seconds; a directory's own size is the file system's.
  const facts = "find . -type d -printf '%P d %m %Ts\\n' -o -printf '%P %y %m %n %s %Ts %l\\n' | sort";
  expect(sh("diff -r tree back && echo same")).toBe("same\n");
  expect(sh(`cd back; ${facts}`)).toBe(sh(`cd tree; ${facts}`));
  const { id } = await engine.client.request("containers.commit", {
    container: "there",
    reference: "there:1",
    author: "",
    message: "",
    changes: [],
    pause: true,
  });
  expect(id).toMatch(/^sha256:/);
  await createContainer(engine, { name: "made", image: "there:1" });
  expect(await gantry(["cp", "made:/tree", join(directory, "committed")])).toMatchObject({ code: 0, stderr: "" });
  expect(sh("diff -r tree committed && echo same")).toBe("same\n");
});

it("gives what is copied to the container's user if asked to, else to whom the tar says", async () => {
  const container = await createContainer(engine, { user: "1234:55" });
  const ownerAfter = async (keepOwner: boolean) => {
    const tar = (async function* () {
      yield tarOf([{ path: "f", data: "x", uid: 5, gid: 6 }]).bytes;
    })();
    await copyIn(engine.client, tar, { container, path: "/", keepOwner, noOverwriteDirNonDir: true });
    const [entry] = await entriesOf(await copyOut(engine, container, "/f"));
    return [entry?.uid, entry?.gid];
  };
  expect(await ownerAfter(false)).toEqual([5, 6]);
  expect(await ownerAfter(true)).toEqual([1234, 55]);
});
