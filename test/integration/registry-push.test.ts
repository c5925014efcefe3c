import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Repository } from "../../engine/registry/registry-client.ts";
import { type Fault, FaultProxy } from "../support/fault-proxy.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import {
  ann,
  blobOf,
  openRepository,
  putWeb,
  randomBlob,
  readAll,
  sourceOf,
  testClient,
} from "../support/registry-client.ts";
import { UploadServer } from "../support/upload-server.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const manifestType = "application/vnd.oci.image.manifest.v1+json";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry[Symbol.asyncDispose]());

type Scene = {
  readonly proxy: FaultProxy;
  readonly repository: Repository;
  readonly seen: (method: string) => string[];
};

/** Runs `act` with a repository of its own behind a proxy with these faults. */
async function behind(fault: FaultProxy["fault"], act: (scene: Scene) => Promise<void>): Promise<void> {
  await using proxy = await FaultProxy.start(registry.url);
  await using client = testClient({ patience: { silence: 2_000, firstDelay: 20 } });
  proxy.fault = fault;
  const repository = openRepository(client, `${proxy.address}/team/pushed`, { access: "push" });
  const seen = (method: string) =>
    proxy.seen(method, "/blobs/uploads/").map(({ headers }) => headers["content-range"] ?? "-");
  await act({ proxy, repository, seen });
}

const onceFor = (wanted: string, fault: Fault): FaultProxy["fault"] => {
  let isDone = false;
  return ({ method }) => {
    if (isDone || method !== wanted) return null;
    isDone = true;
    return fault;
  };
};

describe.each(["none", "basic", "token"] as const)("a registry with authentication %s", (auth) => {
  it("takes an image, and has it afterwards", async () => {
    await using own = await startRegistry({ auth });
    await using client = testClient();
    const repository = openRepository(client, `${own.address}/team/new`, { credentials: ann, access: "push" });
    const [layer, config] = [randomBlob(300_000), blobOf(Buffer.from("{}"))];
    for (const blob of [layer, config]) {
      expect(await repository.hasBlob(blob.descriptor.digest, signal())).toBe(false);
      const source = sourceOf(blob);
      await repository.uploadBlob(blob.descriptor, source, signal());
      expect(source.opened).toEqual([0]);
      expect(source.progress.at(-1)).toBe(blob.bytes.length);
      expect(await repository.hasBlob(blob.descriptor.digest, signal())).toBe(true);
    }
    const again = sourceOf(layer);
    await repository.uploadBlob(layer.descriptor, again, signal());
    expect(again.opened).toEqual([]);
    const manifest = blobOf(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: manifestType,
          config: { ...config.descriptor, mediaType: "application/vnd.oci.image.config.v1+json" },
          layers: [layer.descriptor],
        }),
      ),
    );
    expect(await repository.putManifest("1.0", manifestType, manifest.bytes, signal())).toBe(
      manifest.descriptor.digest,
    );
    expect(await own.findManifest("team/new", "1.0")).toEqual(manifest.bytes);
    expect(await readAll(repository.blob(layer.descriptor, 0, signal()))).toEqual(layer.bytes);
  });

  it("takes a blob over from another repository", async () => {
    await using own = await startRegistry({ auth });
    const { layer } = await putWeb(own);
    await using client = testClient();
    const options = { credentials: ann, access: "push", mountFrom: ["team/web"] } as const;
    const repository = openRepository(client, `${own.address}/team/other`, options);
    expect(await repository.mountBlob(layer.descriptor.digest, "team/web", signal())).toBe(true);
    expect(await repository.hasBlob(layer.descriptor.digest, signal())).toBe(true);
    const missing = randomBlob(10);
    expect(await repository.mountBlob(missing.descriptor.digest, "team/web", signal())).toBe(false);
    await repository.uploadBlob(missing.descriptor, sourceOf(missing), signal());
    expect(await repository.hasBlob(missing.descriptor.digest, signal())).toBe(true);
  });
});

describe("an upload", () => {
  const pushed = async (repository: Repository, blob = randomBlob(3_000_000)): Promise<ReturnType<typeof sourceOf>> => {
    const source = sourceOf(blob);
    await repository.uploadBlob(blob.descriptor, source, signal());
    expect((await readAll(repository.blob(blob.descriptor, 0, signal()))).equals(blob.bytes)).toBe(true);
    return source;
  };

  it("goes at once", () =>
    behind(
      () => null,
      async ({ repository, seen }) => {
        await pushed(repository);
        expect([seen("POST"), seen("PATCH"), seen("PUT")]).toEqual([["-"], [], ["-"]]);
      },
    ));

  it("goes on after a cut where the registry says it is", async () => {
    await using server = await UploadServer.start();
    await using client = testClient({ patience: { firstDelay: 20 } });
    server.cutAfter = [1_500_000, 900_000];
    const repository = openRepository(client, `${server.address}/team/pushed`, { access: "push" });
    const blob = randomBlob(4_000_000);
    const source = sourceOf(blob);
    await repository.uploadBlob(blob.descriptor, source, signal());
    expect(server.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
    expect(server.requests).toEqual([
      "HEAD",
      "POST",
      "PUT",
      "GET",
      "PATCH 1500000-3999999",
      "GET",
      "PATCH 2400000-3999999",
      "PUT",
    ]);
    expect(source.opened).toEqual([0, 1_500_000, 2_400_000]);
  });

  it("begins anew after a cut where the registry cannot go on, as docker's", () =>
    behind(onceFor("PUT", { type: "cut-upload", after: 1_500_000 }), async ({ repository, seen }) => {
      const { opened } = await pushed(repository);
      expect(opened).toEqual([0, 0]);
      expect(seen("POST")).toHaveLength(2);
    }));

  it("waits for a registry that is busy", () =>
    behind(
      onceFor("POST", { type: "answer", status: 429, headers: { "retry-after": "0" } }),
      async ({ repository, seen }) => {
        await pushed(repository);
        expect(seen("POST")).toHaveLength(2);
      },
    ));

  it("goes in chunks where the registry names their size", () =>
    behind(
      ({ method }) =>
        method === "POST" ? { type: "change", answer: { "oci-chunk-min-length": String(20 * 1024 * 1024) } } : null,
      async ({ repository, seen }) => {
        await pushed(repository, randomBlob(41 * 1024 * 1024));
        const part = 20 * 1024 * 1024;
        expect(seen("PATCH")).toEqual([
          `0-${part - 1}`,
          `${part}-${2 * part - 1}`,
          `${2 * part}-${41 * 1024 * 1024 - 1}`,
        ]);
      },
    ));

  it("goes in chunks where the whole is too large", () =>
    behind(onceFor("PUT", { type: "answer", status: 413 }), async ({ repository, seen }) => {
      await pushed(repository, randomBlob(17 * 1024 * 1024));
      expect(seen("PATCH")).toHaveLength(2);
    }));

  it("needs a Location", () =>
    behind(
      ({ method }) => (method === "POST" ? { type: "change", answer: { location: undefined } } : null),
      async ({ repository }) => {
        await expect(pushed(repository)).rejects.toMatchObject({
          code: "corrupt",
          message: expect.stringContaining("does not say where an upload goes"),
        });
      },
    ));

  it("sends nothing in the clear to elsewhere", () =>
    behind(
      ({ method }) =>
        method === "POST" ? { type: "change", answer: { location: "http://registry.example/up" } } : null,
      async ({ repository }) => {
        await expect(pushed(repository)).rejects.toThrow("redirects to registry.example without encryption");
      },
    ));

  it("is no success where the registry took something else", () =>
    behind(
      ({ method }) =>
        method === "PUT" ? { type: "change", answer: { "docker-content-digest": "sha256:another" } } : null,
      async ({ repository }) => {
        await expect(pushed(repository)).rejects.toMatchObject({ code: "corrupt" });
      },
    ));

  it("fails where its source has not the bytes it should have", () =>
    behind(
      () => null,
      async ({ repository }) => {
        const { descriptor, bytes } = randomBlob(100_000);
        for (const other of [bytes.subarray(1), Buffer.alloc(100_000)]) {
          const failed = repository.uploadBlob(descriptor, sourceOf(blobOf(other)), signal());
          await expect(failed).rejects.toMatchObject({ code: "corrupt" });
          expect(await repository.hasBlob(descriptor.digest, signal())).toBe(false);
        }
      },
    ));

  it("is dropped by the registry when it is cancelled", () =>
    behind(
      () => null,
      async ({ repository, proxy }) => {
        const abort = new AbortController();
        const blob = randomBlob(3_000_000);
        const open = async function* () {
          yield blob.bytes.subarray(0, 100_000);
          abort.abort();
          yield blob.bytes.subarray(100_000);
        };
        const failed = repository.uploadBlob(blob.descriptor, { open }, abort.signal);
        await expect(failed).rejects.toMatchObject({ code: "cancelled" });
        await expect.poll(() => proxy.seen("DELETE", "/blobs/uploads/").length).toBe(1);
      },
    ));

  it("of nothing is one, too", () =>
    behind(
      () => null,
      async ({ repository }) => {
        const empty = blobOf(Buffer.alloc(0));
        await repository.uploadBlob(empty.descriptor, sourceOf(empty), signal());
      },
    ));
});

it("lists more tags than one page holds", () =>
  behind(
    ({ url }) => {
      const last = Number(new URL(url, "http://x").searchParams.get("last") ?? 0);
      if (!url.includes("/tags/list") || last >= 3) return null;
      const link = {
        link: `</v2/team/pushed/tags/list?n=1000&last=${last + 1}>; rel="next"`,
        "content-type": "application/json",
      };
      const tags = [`v${last}`, "not a tag", `w${last}`];
      return {
        type: "answer",
        status: 200,
        headers: last === 2 ? {} : link,
        body: JSON.stringify({ name: "x", tags }),
      };
    },
    async ({ repository }) => {
      expect(await repository.tags(signal())).toEqual(["v0", "w0", "v1", "w1", "v2", "w2"]);
    },
  ));

it("does not read a list of tags that never ends", () =>
  behind(
    ({ url }) =>
      url.includes("/tags/list")
        ? { type: "answer", status: 200, headers: { link: `<${url}>; rel="next"` }, body: '{"tags":["a"]}' }
        : null,
    async ({ repository }) => {
      await expect(repository.tags(signal())).rejects.toMatchObject({ code: "corrupt" });
    },
  ));
