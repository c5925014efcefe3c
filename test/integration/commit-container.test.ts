import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import {
  createContainer,
  eventually,
  findContainer,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { listingOf } from "../support/tar-listing.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;
beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

const defaults = { reference: null, author: "", message: "", changes: [], pause: true };
const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const commit = (
  container: string,
  changes: Partial<Omit<typeof defaults, "reference" | "changes">> & { reference?: string; changes?: string[] } = {},
) => request("containers.commit", { container, ...defaults, ...changes });
const configOf = async (image: string) =>
  (await request("images.inspect", { image })).Config as Record<string, unknown>;
const blobOf = (digest: string) => readFileSync(join(engine.config.root, "blobs", digest.replace(":", "/")));

async function running(script: string, changes: Parameters<typeof runContainer>[1] = {}): Promise<string> {
  const id = await runContainer(engine, { command: ["sh", "-c", `${script}; echo ready; sleep 300`], ...changes });
  await eventually(async () => (await readLog(engine, id)).includes("ready"));
  return id;
}

it("makes a layer of what was changed, with docker's marks, and nothing of what the engine made", async () => {
  const id = await running(
    `mkdir -p /new/dir; echo one > /new/dir/f; ln /new/dir/f /new/link; rm /bin/true
     rm -r /root; mkdir /root; echo two > /root/own; chmod 4711 /new/dir/f; : > /new/.wh.fake`,
  );
  const { id: image } = await commit(id, { reference: "made:1" });
  const inspected = await request("images.inspect", { image });
  const layers = (inspected.RootFS as { Layers: string[] }).Layers;
  expect(layers).toHaveLength(2);
  expect(await listingOf(blobOf(layers[1] ?? ""))).toEqual([
    "bin/",
    "bin/.wh.true = ",
    "new/",
    "new/dir/",
    "new/dir/f = one",
    "new/link => new/dir/f",
    "root/",
    "root/.wh..wh..opq = ",
    "root/own = two",
  ]);
  const script = "cat /new/link; stat -c %a:%h /new/dir/f; ls /root /bin/true 2>&1; ls -a /new";
  const { stdout } = await gantry(["run", "--rm", "--network", "none", "made:1", "sh", "-c", script]);
  expect(stdout.split("\n").filter((line) => line !== "")).toEqual([
    "one",
    "4711:2",
    "ls: /bin/true: No such file or directory",
    "/root:",
    "own",
    ".",
    "..",
    "dir",
    "link",
  ]);
});

it("keeps the container's configuration, changed as asked, and the image's history", async () => {
  const id = await createContainer(engine, {
    name: "configured",
    command: ["sleep", "5"],
    environment: ["A=1"],
    labels: { own: "1" },
    user: "7",
  });
  const changes = ['CMD ["a", "b"]', "ENV X=$A Y=2", "EXPOSE 80", "LABEL a=b", "VOLUME /v", "WORKDIR w", "USER 3:4"];
  const { id: image } = await commit(id, {
    reference: "made:2",
    author: "Me",
    message: "why",
    changes: [...changes, "ONBUILD RUN x", "STOPSIGNAL SIGQUIT", "HEALTHCHECK --interval=1m30s CMD ls"],
  });
  expect(await configOf(image)).toMatchObject({
    Cmd: ["a", "b"],
    ExposedPorts: { "80/tcp": {} },
    Labels: { own: "1", a: "b" },
    Volumes: { "/v": {} },
    WorkingDir: "/w",
    User: "3:4",
    OnBuild: ["RUN x"],
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["CMD-SHELL", "ls"], Interval: 90e9 },
  });
  expect((await configOf(image)).Env).toEqual(expect.arrayContaining(["A=1", "X=1", "Y=2"]));
  const config = JSON.parse(blobOf(image).toString());
  expect(config).toMatchObject({ author: "Me", container: id, container_config: { Cmd: ["sleep", "5"], User: "7" } });
  expect(config.history.at(-1)).toMatchObject({
    author: "Me",
    comment: "why",
    created_by: "sleep 5",
    empty_layer: true,
  });
  expect(await request("images.inspect", { image })).toMatchObject({ Author: "Me", Comment: "why" });
});

it("takes the command away with the entrypoint, unless it is given as well", async () => {
  const id = await createContainer(engine, {});
  const changed = async (...changes: string[]) => {
    const { Cmd, Entrypoint } = await configOf((await commit(id, { changes })).id);
    return { Cmd, Entrypoint };
  };
  expect(await changed('ENTRYPOINT ["e"]')).toEqual({ Cmd: null, Entrypoint: ["e"] });
  expect(await changed('CMD ["c"]', 'ENTRYPOINT ["e"]')).toEqual({ Cmd: ["c"], Entrypoint: ["e"] });
  expect(await changed()).toMatchObject({ Cmd: ["sleep", "300"] });
});

it("makes an image without a new layer where nothing was changed", async () => {
  for (const id of [await createContainer(engine, {}), await running("true")]) {
    const { id: image } = await commit(id);
    const { RootFS } = await request("images.inspect", { image });
    expect((RootFS as { Layers: string[] }).Layers).toHaveLength(1);
  }
});

it("leaves nothing of a commit that fails", async () => {
  const id = await running("echo x > /x");
  const before = {
    images: await request("images.list", {}),
    blobs: readdirSync(join(engine.config.root, "blobs/sha256")),
  };
  for (const bad of [{ changes: ["FROM x"] }, { changes: ["ENV"] }, { reference: "BAD:x" }]) {
    await expect(commit(id, bad)).rejects.toMatchObject({ code: "invalid-argument" });
  }
  await expect(commit("none")).rejects.toMatchObject({ code: "not-found" });
  expect(await request("images.list", {})).toEqual(before.images);
  expect(readdirSync(join(engine.config.root, "blobs/sha256"))).toEqual(before.blobs);
  expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
});

describe("a running container", () => {
  const counter =
    "dd if=/dev/zero of=/big bs=1M count=150 2>/dev/null; (while :; do date +%s%N > /tick; sleep 0.02; done) & true";
  const read = async (id: string) => (await gantry(["exec", id, "cat", "/tick"])).stdout;

  it("stands still meanwhile, and goes on after", async () => {
    const id = await running(counter);
    const events: EngineEvent[] = [];
    const subscription = await engine.client.subscribe("events", { since: null, until: null }, (event) => {
      events.push(event);
    });
    const done = commit(id, { reference: "still:1" });
    let frozen = false;
    done.catch(() => undefined).finally(() => (frozen = true));
    const states = new Set<string>();
    while (!frozen) {
      states.add(cgroupState(id));
      await sleep(5);
    }
    await done;
    subscription.close();
    expect([...states].filter((state) => state !== "FREEZING").sort()).toEqual(["FROZEN", "THAWED"]);
    await eventually(() => events.some(({ action }) => action === "commit"));
    const first = await read(id);
    await eventually(async () => (await read(id)) !== first);
    await request("containers.remove", { container: id, force: true, volumes: true });
  });

  it("is woken by the next start of an engine that was killed meanwhile", async () => {
    const id = await running(counter);
    const before = await request("images.list", {});
    commit(id, { reference: "killed:1" }).catch(() => undefined);
    await eventually(() => cgroupState(id) === "FROZEN");
    await engine.stop("SIGKILL");
    expect(cgroupState(id)).toBe("FROZEN");
    await engine.start();
    await eventually(() => cgroupState(id) === "THAWED");
    expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
    expect(await request("images.list", {})).toHaveLength(before.length);
    expect(readdirSync(join(engine.config.root, "blobs/ingest"))).toEqual([]);
    await request("containers.remove", { container: id, force: true, volumes: true });
  });

  it("is woken when the client goes", async () => {
    const id = await running(counter);
    const client = await engine.connect();
    client.request("containers.commit", { container: id, ...defaults }).catch(() => undefined);
    await eventually(() => cgroupState(id) === "FROZEN");
    client.close();
    await eventually(() => cgroupState(id) === "THAWED");
    await request("containers.remove", { container: id, force: true, volumes: true });
  });
});

const freezers = new Map<string, string>();

/** Of the freezer of either version of cgroups. */
function cgroupState(id: string): string {
  const names = ["freezer.state", "-o", "-name", "cgroup.freeze"];
  const all = () =>
    execFileSync("find", ["/sys/fs/cgroup", "-name", ...names])
      .toString()
      .split("\n");
  const own = () => all().filter((line) => line.includes(`${id}/`) && !line.includes("/unified/"));
  const path = freezers.get(id) ?? own()[0] ?? "";
  freezers.set(id, path);
  return readFileSync(path, "utf8").trim().replace(/^1$/, "FROZEN").replace(/^0$/, "THAWED");
}

it("does what the command line asks", async () => {
  const id = await createContainer(engine, { name: "asked" });
  const { stdout, code } = await gantry([
    "commit",
    "-a",
    "A",
    "-m",
    "M",
    "-c",
    "USER 9",
    "--pause=false",
    "asked",
    "asked:1",
  ]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/)]);
  expect((await configOf("asked:1")).User).toBe("9");
  expect((await gantry(["commit"])).code).toBe(1);
  expect(await gantry(["commit", id, "BAD"])).toMatchObject({ code: 1, stdout: "" });
});
