import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FaultProxy } from "../support/fault-proxy.ts";
import { ForwardProxy } from "../support/forward-proxy.ts";
import { startRegistry } from "../support/registry.ts";
import { ann, openRepository, putWeb, randomBlob, readAll, testClient } from "../support/registry-client.ts";
import { tempRoot } from "../support/temp-root.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const unreachable = { patience: { tries: 2, connect: 500, silence: 1_000 } };

describe("mirrors of docker.io", () => {
  async function withMirrors(mirrors: readonly string[]) {
    const root = await tempRoot();
    writeFileSync(root.join("engine.json"), JSON.stringify({ "registry-mirrors": mirrors }));
    return { root, client: testClient({ settings: root.path, ...unreachable }) };
  }

  it("are asked for its images, and shown no credentials", async () => {
    await using mirror = await startRegistry();
    const { manifest, layer } = await putWeb(mirror);
    await using proxy = await FaultProxy.start(mirror.url);
    const { root, client } = await withMirrors([`http://${proxy.address}/`]);
    await using _root = root;
    await using _client = client;
    const repository = openRepository(client, "team/web", { credentials: ann });
    expect(repository.name).toBe("docker.io/team/web");
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect((await repository.manifest("1", signal())).descriptor).toEqual(manifest);
    expect(await readAll(repository.blob(layer.descriptor, 0, signal()))).toEqual(layer.bytes);
    expect(await repository.tags(signal())).toEqual(["1"]);
    expect(proxy.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it("are shown no credentials even where they ask for some", async () => {
    await using mirror = await startRegistry({ auth: "basic" });
    await putWeb(mirror);
    await using asked = await FaultProxy.start(mirror.url);
    await using open = await startRegistry({ storage: mirror.storage });
    const { root, client } = await withMirrors([`http://${asked.address}`, open.url]);
    await using _root = root;
    await using _client = client;
    expect(await openRepository(client, "team/web", { credentials: ann }).tags(signal())).toEqual(["1"]);
    expect(asked.requests.length).toBeGreaterThan(0);
    expect(asked.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it("are asked in turn, each going on where the one before failed", async () => {
    await using mirror = await startRegistry();
    const { manifest, layer } = await putWeb(mirror, randomBlob(2_000_000));
    await using bad = await FaultProxy.start(mirror.url);
    bad.fault = ({ url }) => (url.includes("/blobs/") ? { type: "cut", after: 500_000 } : null);
    await using good = await FaultProxy.start(mirror.url);
    const { root, client } = await withMirrors([
      "http://127.0.0.1:1",
      `http://${bad.address}`,
      `http://${good.address}`,
    ]);
    await using _root = root;
    await using _client = client;
    const repository = openRepository(client, "team/web");
    expect((await repository.manifest("1", signal())).descriptor).toEqual(manifest);
    expect((await readAll(repository.blob(layer.descriptor, 0, signal()))).equals(layer.bytes)).toBe(true);
    expect(good.seen("GET", "/blobs/")[0]?.headers.range).toMatch(/^bytes=\d{6,}-$/);
  });

  it("are not the last word, and get no pushes", async () => {
    await using mirror = await startRegistry();
    await putWeb(mirror);
    await using proxy = await FaultProxy.start(mirror.url);
    await using dead = await ForwardProxy.start();
    const root = await tempRoot();
    await using _root = root;
    const proxies = { "https-proxy": `http://${dead.address}` };
    writeFileSync(
      root.join("engine.json"),
      JSON.stringify({ "registry-mirrors": [`http://${proxy.address}`], proxies }),
    );
    await using client = testClient({ settings: root.path, ...unreachable });
    // Nothing listens at port 443 of this host, where the proxy looks for docker.io.
    await expect(openRepository(client, "team/none").manifest("1", signal())).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(proxy.seen("GET", "/manifests/1")).toHaveLength(1);
    expect(dead.requests).toContain("CONNECT registry-1.docker.io:443");
    const pushing = openRepository(client, "team/web", { access: "push", credentials: ann });
    await expect(pushing.describe("1", signal())).rejects.toMatchObject({ code: "unavailable" });
    expect(proxy.seen("HEAD", "/manifests/1")).toHaveLength(0);
  });
});

describe("a proxy", () => {
  it("is used for https and http, with its password, and not for what is excepted", async () => {
    await using secure = await startRegistry({
      tls: true,
      auth: "token",
      names: ["registry.example", "other.example"],
    });
    await using plain = await startRegistry();
    const { manifest, layer } = await putWeb(secure, randomBlob(1_000_000));
    await putWeb(plain, layer);
    await using proxy = await ForwardProxy.start();
    await using root = await tempRoot();
    const [secureName, plainName, otherName] = [
      secure.address.replace("127.0.0.1", "registry.example"),
      plain.address.replace("127.0.0.1", "plain.example"),
      secure.address.replace("127.0.0.1", "other.example"),
    ];
    const directory = root.join("certs.d", secureName);
    mkdirSync(directory, { recursive: true });
    copyFileSync(secure.authority?.certificate ?? "", join(directory, "ca.crt"));
    const settings = {
      "insecure-registries": [plainName],
      proxies: {
        "http-proxy": `http://ann:p%40ss@${proxy.address}`,
        "https-proxy": `http://ann:p%40ss@${proxy.address}`,
        "no-proxy": "other.example",
      },
    };
    writeFileSync(root.join("engine.json"), JSON.stringify(settings));
    await using client = testClient({ settings: root.path, ...unreachable });
    const repository = openRepository(client, `${secureName}/team/web`, { credentials: ann });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect((await readAll(repository.blob(layer.descriptor, 0, signal()))).equals(layer.bytes)).toBe(true);
    // One tunnel for all: connections are kept. The token server is on this host, so no proxy is between.
    expect(proxy.requests).toEqual([`CONNECT ${secureName}`]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from("ann:p@ss").toString("base64")}`]);
    expect(await openRepository(client, `${plainName}/team/web`).describe("1", signal())).toEqual(manifest);
    expect(proxy.requests.at(-1)).toMatch(new RegExp(`^HEAD http://${plainName}/v2/team/web/manifests/1$`));
    const before = proxy.requests.length;
    await expect(openRepository(client, `${otherName}/team/web`).describe("1", signal())).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(proxy.requests).toHaveLength(before);
  });

  it("that is not there is named, without its password", async () => {
    await using client = testClient({ environment: { HTTPS_PROXY: "http://ann:secret@127.0.0.1:1" }, ...unreachable });
    const failed = openRepository(client, "registry.example/team/web").describe("1", signal());
    await expect(failed).rejects.toMatchObject({
      code: "unavailable",
      message:
        "registry registry.example by the proxy 127.0.0.1:1 cannot be reached: it refuses the connection, 2 times in a row",
    });
  });
});

describe("search", () => {
  it("lists what a registry without a search of its own has", async () => {
    await using registry = await startRegistry();
    await putWeb(registry);
    await using client = testClient();
    const search = (words: string) => client.search(`${registry.address}/${words}`, 25, null, signal());
    expect(await search("WEB")).toEqual([
      { name: `${registry.address}/team/web`, description: "", stars: 0, isOfficial: false },
    ]);
    expect(await search("nothing")).toEqual([]);
  });

  it("uses docker's where there is one", async () => {
    await using registry = await startRegistry();
    await using proxy = await FaultProxy.start(registry.url);
    const results = [
      { name: "team/web", description: "a\u001b[31m web", star_count: 7, is_official: true },
      { name: "team/other", description: null },
    ];
    proxy.fault = ({ url }) =>
      url === "/v1/search?q=web&n=25"
        ? {
            type: "answer",
            status: 200,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ results }),
          }
        : null;
    await using client = testClient();
    expect(await client.search(`${proxy.address}/web`, 25, null, signal())).toEqual([
      { name: `${proxy.address}/team/web`, description: "a [31m web", stars: 7, isOfficial: true },
      { name: `${proxy.address}/team/other`, description: "", stars: 0, isOfficial: false },
    ]);
  });
});
