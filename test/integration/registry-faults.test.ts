import { createServer as createWebServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Repository } from "../../engine/registry/registry-client.ts";
import { type Fault, FaultProxy } from "../support/fault-proxy.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import {
  ann,
  openRepository,
  putWeb,
  randomBlob,
  readAll,
  type TestBlob,
  testClient,
} from "../support/registry-client.ts";
import { behindFaults, faultsOf } from "../support/registry-scene.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

let registry: TestRegistry;
let layer: TestBlob;
beforeAll(async () => {
  registry = await startRegistry();
  ({ layer } = await putWeb(registry, randomBlob(3_000_000)));
});
afterAll(() => registry[Symbol.asyncDispose]());

type BehindArguments = Parameters<typeof behindFaults> extends [unknown, ...infer Rest] ? Rest : never;
const behind = (...scene: BehindArguments): Promise<void> => behindFaults(registry, ...scene);
const forBlobs = faultsOf("/blobs/");

const read = (repository: Repository, offset = 0) => readAll(repository.blob(layer.descriptor, offset, signal()));

describe("a blob", () => {
  it("is read on where a connection broke", () =>
    behind(
      forBlobs((count) => (count <= 3 ? { type: "cut", after: 500_000 } : null)),
      async ({ repository, blobRequests }) => {
        expect((await read(repository)).equals(layer.bytes)).toBe(true);
        const ranges = blobRequests().map(({ headers }) => headers.range ?? "all");
        expect(ranges).toHaveLength(4);
        expect(ranges[0]).toBe("all");
        expect(ranges.slice(1).every((range) => /^bytes=\d+-$/.test(range))).toBe(true);
      },
    ));

  it("is read over from the start where the registry knows no parts", () =>
    behind(
      forBlobs((count) =>
        count === 1 ? { type: "cut", after: 500_000 } : { type: "change", request: { range: undefined } },
      ),
      async ({ repository }) => {
        expect((await read(repository)).equals(layer.bytes)).toBe(true);
        expect((await read(repository, 2_999_000)).equals(layer.bytes.subarray(2_999_000))).toBe(true);
      },
    ));

  it("is read on after silence", () =>
    behind(
      forBlobs((count) => (count === 1 ? { type: "hang", after: 500_000 } : null)),
      async ({ repository, blobRequests }) => {
        expect((await read(repository)).equals(layer.bytes)).toBe(true);
        expect(blobRequests()).toHaveLength(2);
      },
      { silence: 300 },
    ));

  it("does not count a slow reader as a silent registry", () =>
    behind(
      () => null,
      async ({ repository, blobRequests }) => {
        let size = 0;
        for await (const chunk of repository.blob(layer.descriptor, 0, signal())) {
          if (size === 0) await sleep(500);
          size += chunk.length;
        }
        expect(size).toBe(layer.bytes.length);
        expect(blobRequests()).toHaveLength(1);
      },
      { silence: 200 },
    ));

  it("is given up where it never comes further", () =>
    behind(
      forBlobs(() => ({ type: "cut", after: 1 })),
      async ({ repository, blobRequests, proxy }) => {
        await expect(read(repository)).rejects.toMatchObject({
          code: "unavailable",
          message: expect.stringMatching(`^registry ${proxy.address} .*, 5 times in a row$`),
        });
        expect(blobRequests().length).toBeLessThanOrEqual(6);
      },
    ));

  it("is refused where its length is a lie", async () => {
    const size = layer.bytes.length;
    const give = (body: Buffer, headers: Record<string, string> = {}): Fault => ({
      type: "answer",
      status: 200,
      headers,
      body,
    });
    const lies: [Fault, string][] = [
      [give(layer.bytes.subarray(1)), `gives a length of ${size - 1} for blob`],
      [give(Buffer.concat([layer.bytes, Buffer.from("x")])), `gives a length of ${size + 1} for blob`],
      [give(layer.bytes.subarray(1), { "transfer-encoding": "chunked" }), "gives fewer bytes for blob"],
      [
        { type: "answer", status: 200, headers: { "transfer-encoding": "chunked" }, body: layer.bytes, endless: true },
        "gives more bytes for blob",
      ],
      [
        { type: "answer", status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
        "answered with a web page instead of blob",
      ],
      [{ type: "change", answer: { "content-length": String(size + 5) } }, `gives a length of ${size + 5} for blob`],
    ];
    for (const [lie, message] of lies) {
      await behind(
        forBlobs(() => lie),
        async ({ repository, blobRequests }) => {
          const failed = read(repository);
          await expect(failed).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(message) });
          expect(blobRequests()).toHaveLength(1);
        },
      );
    }
  });

  it("is refused where the part is not the one asked for", () =>
    behind(
      forBlobs(() => ({
        type: "answer",
        status: 206,
        headers: { "content-range": "bytes 5-9/3000000" },
        body: "12345",
      })),
      async ({ repository }) => {
        await expect(read(repository, 2_999_995)).rejects.toMatchObject({ code: "corrupt" });
      },
    ));

  it("leaves no connection behind when its reader goes away", () =>
    behind(
      () => null,
      async ({ repository, proxy }) => {
        for await (const _ of repository.blob(layer.descriptor, 0, signal())) break;
        await sleep(50);
        expect(proxy.connections).toBeGreaterThan(0);
        expect((await read(repository)).equals(layer.bytes)).toBe(true);
      },
    ));

  it("stops at once when cancelled, also while nothing comes", () =>
    behind(
      forBlobs(() => ({ type: "hang", after: 100 })),
      async ({ repository }) => {
        const abort = new AbortController();
        setTimeout(() => abort.abort(), 100);
        const from = performance.now();
        await expect(readAll(repository.blob(layer.descriptor, 0, abort.signal))).rejects.toMatchObject({
          code: "cancelled",
        });
        expect(performance.now() - from).toBeLessThan(2_000);
      },
    ));
});

it("follows a blob to another host without showing it who asks", async () => {
  await using storage = await FaultProxy.start(registry.url);
  await using secured = await startRegistry({ auth: "basic", storage: registry.storage });
  await using proxy = await FaultProxy.start(secured.url);
  proxy.fault = (request) =>
    request.url.includes("/blobs/") ? { type: "redirect", to: `http://${storage.address}${request.url}?signed` } : null;
  await using client = testClient();
  const repository = openRepository(client, `${proxy.address}/team/web`, { credentials: ann });
  await repository.describe("1", signal());
  expect((await read(repository)).equals(layer.bytes)).toBe(true);
  expect(proxy.seen("GET", "/blobs/")[0]?.headers.authorization).toMatch(/^Basic /);
  expect(storage.seen("GET", "/blobs/")[0]?.headers.authorization).toBeUndefined();
});

it("keeps its connections", () =>
  behind(
    () => null,
    async ({ repository, proxy }) => {
      for (let round = 0; round < 20; round += 1) await repository.describe("1", signal());
      // One more for finding out that it does not speak https.
      expect(proxy.connections).toBeLessThanOrEqual(3);
    },
  ));

it("says soon that nobody is there, and waits for who was there before", async () => {
  await using client = testClient({ patience: { firstDelay: 100 } });
  const nobody = await startRegistry();
  const name = `${nobody.address}/team/web`;
  const repository = openRepository(client, name);
  expect(await repository.describe("1", signal())).toBeNull();
  await nobody.stop();
  const later = repository.describe("1", signal());
  await sleep(300);
  await nobody.start();
  expect(await later).toBeNull();
  await nobody[Symbol.asyncDispose]();
  const from = performance.now();
  await expect(openRepository(client, name).describe("1", signal())).rejects.toMatchObject({
    code: "unavailable",
    message: `registry ${nobody.address} cannot be reached: it refuses the connection, 2 times in a row`,
  });
  expect(performance.now() - from).toBeLessThan(1_500);
});

it("gives up a registry that takes connections and says nothing", async () => {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using client = testClient({ patience: { silence: 200 } });
  await expect(openRepository(client, `${address}/team/web`).manifest("1", signal())).rejects.toMatchObject({
    code: "unavailable",
    message: `registry ${address} keeps silent: nothing came for 1 s, 2 times in a row`,
  });
  server.close();
});

it("does not wait for ever for a document that comes byte by byte", async () => {
  const server = createWebServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 50);
    response.on("close", () => clearInterval(timer));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using client = testClient({ patience: { silence: 100, tries: 2 } });
  await expect(openRepository(client, `${address}/team/web`).manifest("1", signal())).rejects.toMatchObject({
    code: "unavailable",
    message: `registry ${address} answers too slowly, 2 times in a row`,
  });
  server.close();
});

it("learns that a registry speaks https now", async () => {
  await using plain = await startRegistry();
  await using client = testClient();
  expect(await openRepository(client, `${plain.address}/team/web`).describe("1", signal())).toBeNull();
  await plain.stop();
  await using secure = await startRegistry({ tls: true, address: plain.address });
  const again = () => openRepository(client, `${secure.address}/team/web`).describe("1", signal());
  await again().catch(() => null);
  expect(await again()).toBeNull();
});

it.each(["a b", "-", "[::1", "registry.example:port"])("takes %j for no registry's address", async (name) => {
  await using client = testClient();
  await expect(client.login(name, ann, signal())).rejects.toMatchObject({ code: "invalid-argument" });
});

it("ends its work when it is closed", () =>
  behind(
    forBlobs(() => ({ type: "hang", after: 100 })),
    async ({ proxy }) => {
      const client = testClient();
      const reading = readAll(openRepository(client, `${proxy.address}/team/web`).blob(layer.descriptor, 0, signal()));
      reading.catch(() => {});
      await sleep(200);
      await client[Symbol.asyncDispose]();
      await expect(reading).rejects.toMatchObject({ code: "cancelled" });
    },
  ));
