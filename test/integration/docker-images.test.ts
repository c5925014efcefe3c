import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Operation } from "../../engine/protocol/state.ts";
import { filterQuery } from "../support/docker-client.ts";
import { dockerFor, linesOf, sendRaw } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { createContainer, eventually, starterImage } from "../support/engine.ts";
import { tarOf } from "../support/images-tar.ts";

type Image = { Id: string; RepoTags: string[] };

describe("images of docker's API", () => {
  const { engine, ask, request, remove } = dockerEngineOfFile();
  const docker = dockerFor(engine, "/nowhere");
  const out = async (...args: string[]) => {
    const { code, stdout, stderr } = await docker(args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return stdout.trimEnd();
  };
  const idOf = async (name: string) => ((await ask(`GET /images/${name}/json`)).body as Image).Id;
  let starter = "";

  beforeAll(async () => {
    starter = await idOf(starterImage);
  });

  afterEach(async () => {
    for (const { id } of await request("containers.list", { all: true })) await remove(id);
    for (const { id, references } of await request("images.list", {})) {
      const names = references.filter((name) => name !== `${starterImage}:latest`);
      for (const image of id === starter ? names : [id]) await request("images.remove", { image, force: true });
    }
  });

  const importImage = async (name: string, ...files: string[]) => {
    const body = await tarOf(files.map((file) => [file, file]));
    const headers = { "Content-Type": "application/x-tar" };
    const answer = await sendRaw(engine, `POST /images/create?fromSrc=-&${name}`, { headers, body });
    expect(answer.status).toBe(200);
    return String(linesOf(answer).at(-1)?.status);
  };

  it("are listed, shown and their history told as moby's description has it", async () => {
    await importImage("repo=web&tag=1&changes=LABEL%20a%3Db", "x");
    const list = await ask("GET /v1.41/images/json?shared-size=1");
    checkAnswer({ method: "GET", path: "/images/json" }, list.body);
    const inspected = await ask(`GET /v1.41/images/${starterImage}/json`);
    checkAnswer({ method: "GET", path: "/images/{name}/json" }, inspected.body);
    expect(inspected.body).toMatchObject({ RepoTags: [`${starterImage}:latest`], ContainerConfig: { Hostname: "" } });
    const newest = (await ask(`GET /images/${starterImage}:latest/json`)).body as Record<string, unknown>;
    expect(Object.keys(newest.Config as object).sort()).toEqual(["Cmd", "Env"]);
    expect(newest).not.toHaveProperty("VirtualSize");
    const history = await ask("GET /v1.41/images/web:1/history");
    checkAnswer({ method: "GET", path: "/images/{name}/history" }, history.body);
    expect(history.body).toMatchObject([{ Id: await idOf("web:1"), Tags: ["web:1"] }]);
  });

  it("are found by docker's filters", async () => {
    const old = await importImage("repo=web&tag=1&changes=LABEL%20a%3Db", "one");
    const dangling = await importImage("message=none", "two");
    const ids = async (filters: Record<string, string[]>, path = "/images/json") => {
      const { status, body } = await ask(`GET ${path}?${filterQuery(filters)}`);
      expect(status).toBe(200);
      return (body as Image[]).map(({ Id }) => Id);
    };
    expect(await ids({ dangling: ["true"] })).toEqual([dangling]);
    expect(await ids({ label: ["a=b"] })).toEqual([old]);
    expect(await ids({ reference: ["we*"] })).toEqual([old]);
    expect(await ids({ before: ["web:1"] })).toEqual([starter]);
    expect(await ids({ since: ["web:1"] })).toEqual([dangling]);
    expect(await ids({ until: ["2026-02-01T00:00:00Z"] })).toEqual([starter]);
    expect((await ask("GET /v1.30/images/json?filter=web")).body).toMatchObject([{ Id: old }]);
    expect(await ask(`GET /images/json?${filterQuery({ since: ["nope"] })}`)).toEqual({
      status: 404,
      body: { message: "No such image: nope:latest" },
    });
    expect((await ask(`GET /images/json?${filterQuery({ colour: ["red"] })}`)).status).toBe(400);
  });

  it("are named by docker, and lose their names and are deleted with the last", async () => {
    const id = await importImage("repo=web&tag=1", "x");
    await out("tag", "web:1", "127.0.0.1:5000/team/web:2");
    expect(await out("images", "--format", "{{.Repository}}:{{.Tag}}", "127.0.0.1:5000/*/*")).toBe(
      "127.0.0.1:5000/team/web:2",
    );
    expect(await out("rmi", "web:1")).toBe("Untagged: web:1");
    expect(await out("rmi", id.slice(7, 19))).toBe(`Untagged: 127.0.0.1:5000/team/web:2\nDeleted: ${id}`);
    expect(await docker(["rmi", "web:1"])).toMatchObject({
      code: 1,
      stderr: "Error response from daemon: No such image: web:1\n",
    });
    const container = await createContainer(engine);
    expect((await ask(`DELETE /images/${starterImage}`)).status).toBe(409);
    await remove(container);
  });

  it("leave in an archive and come back", async () => {
    await out("tag", starterImage, "keep:1");
    const saved = await sendRaw(engine, `GET /images/get?names=${starterImage}&names=keep:1`);
    expect(saved.headers["content-type"]).toBe("application/x-tar");
    const single = await sendRaw(engine, "GET /v1.41/images/keep:1/get");
    await out("rmi", "keep:1");
    const loaded = await docker(["load"], { input: saved.body });
    expect(loaded.stdout.trim().split("\n").sort()).toEqual([
      `Loaded image: ${starterImage}:latest`,
      "Loaded image: keep:1",
    ]);
    await out("rmi", "keep:1");
    const answer = await sendRaw(engine, "POST /images/load?quiet=1", { body: single.body });
    expect(linesOf(answer)).toEqual([{ stream: "Loaded image: keep:1\n" }]);
    expect(await docker(["save", starterImage, "nope"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No such image: nope"),
    });
  });

  it("say why an upload is refused while the client still sends", async () => {
    const junk = randomBytes(64 * 1024 * 1024);
    const load = await docker(["load"], { input: junk });
    expect(load).toMatchObject({ code: 1, stderr: expect.stringContaining("no tar header") });
    const imported = await docker(["import", "-", "x"], { input: junk });
    expect(imported).toMatchObject({ code: 1, stderr: expect.stringContaining("this is no tar archive") });
    // A failed load is told within a good answer.
    const answer = await sendRaw(engine, "POST /images/load", { body: junk.subarray(0, 4096) });
    expect(answer.status).toBe(200);
    expect(linesOf(answer)).toMatchObject([
      { errorDetail: { message: expect.any(String) }, error: expect.any(String) },
    ]);
    expect((await sendRaw(engine, "POST /images/create?fromSrc=-&repo=UPPER", { body: junk })).status).toBe(400);
    expect((await sendRaw(engine, "POST /images/create?fromSrc=-", { body: junk })).status).toBe(400);
  });

  it("wait for a client that does not read, and go no further when it is gone", async () => {
    const body = await tarOf([["large", randomBytes(24 * 1024 * 1024)]]);
    await sendRaw(engine, "POST /images/create?fromSrc=-&repo=large", { body });
    let operations: readonly Operation[] = [];
    const watching = await engine.client.subscribe("state", { resume: null }, (item) => {
      operations = item.operations ?? operations;
    });
    const call = httpRequest({ socketPath: engine.config.dockerSocket, path: "/images/large/get", agent: false });
    call.on("error", () => undefined);
    call.end();
    const [response] = await once(call, "response");
    response.on("error", () => undefined);
    await eventually(() => operations.some(({ kind, progress }) => kind === "save" && (progress?.current ?? 0) > 0));
    const [save] = operations;
    expect(save?.progress?.current).toBeLessThan(24 * 1024 * 1024);
    response.destroy();
    await eventually(() => operations.length === 0);
    watching.close();
  });

  it("come from a root file system, with changes", async () => {
    const archive = await tarOf([["etc/motd", "hello"]]);
    const args = ["import", "-c", 'CMD ["cat", "/etc/motd"]', "-c", "ENV A=b", "-m", "by hand", "-", "made:1"];
    const { stdout } = await docker(args, { input: archive });
    expect(stdout.trim()).toBe(await idOf("made:1"));
    expect((await ask("GET /images/made:1/json")).body).toMatchObject({
      Comment: "by hand",
      Config: { Cmd: ["cat", "/etc/motd"], Env: ["A=b"] },
    });
  });

  it("come from a URL", async () => {
    const archive = await tarOf([["etc/motd", "hello"]]);
    const server = createServer((asked, response) => {
      if (asked.url === "/rootfs.tar") response.end(archive);
      else if (asked.url === "/junk") response.end(randomBytes(4096));
      else response.writeHead(404).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { stdout } = await docker(["import", `http://${address}/rootfs.tar`, "web:1"]);
    expect(stdout).toBe(`Downloading from http://${address}/rootfs.tar\n${await idOf("web:1")}\n`);
    const junk = await docker(["import", `http://${address}/junk`]);
    expect(junk).toMatchObject({ code: 1, stderr: expect.stringContaining("this is no tar archive") });
    const source = (url: string) => ask(`POST /images/create?fromSrc=${encodeURIComponent(url)}`);
    expect((await source(`${address}/nothing`)).status).toBe(404);
    server.close();
    server.closeAllConnections();
    expect((await source(`${address}/rootfs.tar`)).status).toBe(503);
    expect((await source("file:///etc/passwd")).status).toBe(400);
  });

  it("are made of containers, with a configuration and changes", async () => {
    const container = await createContainer(engine, { environment: ["MODE=slow"], labels: { a: "1" } });
    const query = `container=${container}&repo=made&tag=2&comment=why&author=me&changes=ENV%20Q%3D1`;
    const answer = await ask(`POST /v1.41/commit?${query}`, { Cmd: ["id"], Labels: { b: "2" }, Env: ["MODE=fast"] });
    checkAnswer({ method: "POST", path: "/commit", status: 201 }, answer.body);
    const made = (await ask("GET /images/made:2/json")).body as { Config: Record<string, unknown> };
    expect(made).toMatchObject({ Author: "me", Comment: "why" });
    expect(made.Config).toMatchObject({ Cmd: ["id"], Labels: { a: "1", b: "2" } });
    expect(made.Config.Env).toEqual(expect.arrayContaining(["MODE=fast", "Q=1"]));
    expect(await out("commit", container)).toMatch(/^sha256:/);
    expect(await ask("POST /commit?container=nope")).toEqual({
      status: 404,
      body: { message: "No such container: nope" },
    });
  });

  it("are pruned: those without a name, or all that nobody uses", async () => {
    const dangling = await importImage("message=none", "one");
    const named = await importImage("repo=web&tag=1", "two");
    const first = await ask("POST /v1.41/images/prune");
    checkAnswer({ method: "POST", path: "/images/prune" }, first.body);
    expect(first.body).toMatchObject({ ImagesDeleted: [{ Deleted: dangling }] });
    expect((await ask("POST /images/prune")).body).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    await createContainer(engine);
    const all = await ask(`POST /images/prune?${filterQuery({ dangling: ["false"] })}`);
    expect(all.body).toMatchObject({ ImagesDeleted: [{ Untagged: "web:1" }, { Deleted: named }] });
  });

  it.each([
    "GET /images/nope/json",
    "GET /images/a/b/history",
    "GET /images/nope/get",
    "GET /images/get?names=nope",
    "POST /images/nope/tag?repo=x",
    "DELETE /images/nope",
  ] as const)("answer %s with docker's words", async (line) => {
    const { status, body } = await ask(line);
    expect(status).toBe(404);
    expect(body).toEqual({ message: expect.stringMatching(/^No such image: (nope|a\/b):latest$/) });
  });

  it.each([
    ["GET /images/get", 400],
    [`POST /images/${starterImage}/tag?repo=UPPER`, 400],
    [`POST /images/${starterImage}/tag`, 400],
    [`GET /images/${starterImage}/json?platform=junk`, 400],
    [`GET /images/${starterImage}/json?platform=${encodeURIComponent('{"architecture":"s390x","os":"linux"}')}`, 404],
    ["POST /images/create", 400],
    ["GET /images/search?term=x&limit=101", 400],
    ["GET /images/search?term=", 400],
    ["POST /commit?container=x&repo=UPPER", 400],
  ] as const)("refuse %s with %i", async (line, status) => {
    const answer = await ask(line);
    expect(answer).toEqual({ status, body: { message: expect.any(String) } });
  });

  it("have no builds to prune", async () => {
    const { status, body } = await ask("POST /v1.41/build/prune");
    expect(status).toBe(200);
    checkAnswer({ method: "POST", path: "/build/prune" }, body);
  });
});
