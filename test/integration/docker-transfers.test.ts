import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import type { Operation } from "../../engine/protocol/state.ts";
import { dockerFor, linesOf, sendRaw } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { eventually, starterImage } from "../support/engine.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry, testUsers } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

describe("registries through docker's API", () => {
  const { engine, ask, request, remove } = dockerEngineOfFile();
  let open: TestRegistry;
  let closed: TestRegistry;
  let directory: TempRoot;
  let docker: ReturnType<typeof dockerFor>;

  beforeAll(async () => {
    [open, closed, directory] = await Promise.all([startRegistry(), startRegistry({ auth: "basic" }), tempRoot()]);
    docker = dockerFor(engine, directory.path);
  }, 60_000);

  afterEach(async () => {
    for (const { id } of await request("containers.list", { all: true })) await remove(id);
    for (const { id, references } of await request("images.list", {})) {
      const starter = `${starterImage}:latest`;
      const names = references.filter((name) => name !== starter);
      for (const image of references.includes(starter) ? names : [id]) {
        await request("images.remove", { image, force: true });
      }
    }
  });

  afterAll(async () => {
    for (const used of [open, closed, directory]) await used?.[Symbol.asyncDispose]();
  });

  const put = async (registry: TestRegistry, name: string) => {
    const { manifest, blobs } = await putLayers(registry, name, [[["one", "one"]], [["two", name]]]);
    const ids = blobs.map(({ bytes }) => sha256(bytes).slice(7, 19));
    return { reference: `${registry.address}/${name}`, digest: manifest.digest, ids };
  };
  const logIn = (account: Record<string, string>) =>
    writeFile(directory.join("config.json"), JSON.stringify({ auths: { [closed.address]: account } }));

  it("brings an image in docker's lines, and says when it is up to date", async () => {
    const { reference, digest, ids } = await put(open, "team/web:1");
    const [name, tag] = [`${open.address}/team/web`, "1"];
    const [one, two] = ids;
    const first = await sendRaw(engine, `POST /v1.41/images/create?fromImage=${name}&tag=${tag}`);
    expect(first.headers["content-type"]).toBe("application/json");
    const said = linesOf(first).map(({ id, status }) => (id === undefined ? status : `${id} ${status}`));
    const words = ["Pulling fs layer", "Download complete", "Pull complete"];
    for (const id of [one, two]) {
      const own = said.filter((line) => String(line).startsWith(`${id} `));
      expect(own.filter((line) => words.includes(String(line).slice(13)))).toEqual(
        words.map((word) => `${id} ${word}`),
      );
    }
    expect(said[0]).toBe("1 Pulling from team/web");
    expect(said.slice(-2)).toEqual([`Digest: ${digest}`, `Status: Downloaded newer image for ${reference}`]);
    const again = await docker(["pull", reference]);
    expect(again.stdout.trim().split("\n")).toEqual([
      "1: Pulling from team/web",
      `Digest: ${digest}`,
      `Status: Image is up to date for ${reference}`,
      reference,
    ]);
    const byDigest = await docker(["pull", "-q", `${name}@${digest}`]);
    expect(byDigest).toMatchObject({ code: 0, stdout: `${name}@${digest}\n` });
  });

  it("brings all tags of a repository, and those of docker create that are not here", async () => {
    await put(open, "all/web:1");
    const { reference } = await put(open, "all/web:2");
    const all = await docker(["pull", "-a", `${open.address}/all/web`]);
    expect(all.stdout).toContain("1: Pulling from all/web");
    expect(all.stdout).toContain("2: Pulling from all/web");
    expect(all.stdout).toContain(`Status: Downloaded newer image for ${open.address}/all/web`);
    await request("images.remove", { image: reference, force: true });
    const created = await docker(["create", reference, "/two"]);
    expect(created.stderr).toContain(`Unable to find image '${reference}' locally`);
    expect(created.stdout).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it("pushes with the account of the request, which is not kept", async () => {
    const name = `${closed.address}/mine:1`;
    await docker(["tag", starterImage, name]);
    expect(await docker(["push", name])).toMatchObject({ code: 1, stderr: expect.stringContaining("access denied") });
    await logIn({ auth: Buffer.from(`ann:${testUsers.ann}`).toString("base64") });
    const pushed = await docker(["push", name]);
    expect(pushed.stdout).toMatch(/: Pushed\n1: digest: sha256:[0-9a-f]{64} size: \d+\n$/);
    expect((await docker(["push", name])).stdout).toContain("Layer already exists");
    const auth = Buffer.from(JSON.stringify({ username: "ann", password: testUsers.ann })).toString("base64url");
    const lines = linesOf(
      await sendRaw(engine, `POST /images/${closed.address}/mine/push`, { headers: { "X-Registry-Auth": auth } }),
    );
    expect(lines.at(-1)).toEqual({
      progressDetail: {},
      aux: { Tag: "1", Digest: expect.stringMatching(/^sha256:/), Size: expect.any(Number) },
    });
    await docker(["rmi", name]);
    expect(await docker(["pull", "-q", name])).toMatchObject({ code: 0, stdout: `${name}\n` });
    await logIn({});
    const refused = await docker(["pull", name]);
    expect(refused.stderr).toContain(
      `pull access denied for ${closed.address}/mine, repository does not exist or may require 'docker login'`,
    );
    await logIn({ auth: Buffer.from("ann:wrong").toString("base64") });
    expect(await docker(["push", name])).toMatchObject({ code: 1, stderr: expect.stringContaining("credentials") });
    await logIn({});
  });

  it("says what there is not, here and there", async () => {
    const pulled = await ask(`POST /images/create?fromImage=${open.address}/nothing&tag=1`);
    expect(pulled.status).toBe(404);
    expect(pulled.body).toMatchObject({
      message: expect.stringMatching(`^manifest for ${open.address}/nothing:1 not found: `),
    });
    const pushed = await docker(["push", `${open.address}/nothing:1`]);
    expect(pushed.stderr).toBe(`An image does not exist locally with the tag: ${open.address}/nothing\n`);
    const { reference } = await put(open, "platform:1");
    const other = await docker(["pull", "--platform", "linux/s390x", reference]);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining("not for linux/s390x") });
  });

  it("finds names at a registry", async () => {
    await put(open, "find/web:1");
    const { status, body } = await ask(`GET /v1.41/images/search?term=${open.address}/find&limit=5`);
    expect(status).toBe(200);
    checkAnswer({ method: "GET", path: "/images/search" }, body);
    expect(body).toMatchObject([{ name: `${open.address}/find/web`, is_official: false }]);
    const found = await docker(["search", "--format", "{{.Name}}", `${open.address}/find`]);
    expect(found.stdout).toBe(`${open.address}/find/web\n`);
    expect((await docker(["search", "-f", "stars=1", "--format", "{{.Name}}", `${open.address}/find`])).stdout).toBe(
      "",
    );
  });

  it("tells of a failure on the way within the answer", async () => {
    const { ids } = await put(open, "broken:1");
    await using proxy = await FaultProxy.start(open.url);
    const isLayer = (url: string) => url.includes(`/blobs/sha256:${ids[1]}`);
    proxy.fault = ({ url }) => (isLayer(url) ? { type: "answer", status: 404, body: "" } : null);
    const answer = await sendRaw(engine, `POST /images/create?fromImage=${proxy.address}/broken&tag=1`);
    expect(answer.status).toBe(200);
    const last = linesOf(answer).at(-1);
    expect(last).toMatchObject({ errorDetail: { message: expect.any(String) }, error: expect.any(String) });
    expect(await docker(["pull", `${proxy.address}/broken:1`])).toMatchObject({ code: 1, stderr: `${last?.error}\n` });
  });

  it("ends a pull whose client is gone", async () => {
    // Layers of its own: what other tests' images had may not be swept yet, and would not be fetched.
    const { blobs } = await putLayers(open, "slow:1", [[["slow", "slow"]], [["slower", "slower"]]]);
    const [first] = blobs.map(({ bytes }) => sha256(bytes));
    await using proxy = await FaultProxy.start(open.url);
    proxy.fault = ({ url }) => (url.includes(`/blobs/${first}`) ? { type: "hang", after: 3 } : null);
    let operations: readonly Operation[] = [];
    const watching = await engine.client.subscribe("state", { resume: null }, (item) => {
      operations = item.operations ?? operations;
    });
    const path = `/images/create?fromImage=${proxy.address}/slow&tag=1`;
    const call = httpRequest({ socketPath: engine.config.dockerSocket, method: "POST", path, agent: false });
    call.on("error", () => undefined);
    call.end();
    const [response] = await once(call, "response");
    response.on("error", () => undefined);
    await eventually(() => operations.some(({ kind }) => kind === "pull"));
    call.destroy();
    await eventually(() => operations.length === 0);
    watching.close();
  });
});
