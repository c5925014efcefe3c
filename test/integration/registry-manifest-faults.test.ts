import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../support/fault-proxy.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { putWeb, randomBlob } from "../support/registry-client.ts";
import { behindFaults, faultsOf, type Scene } from "../support/registry-scene.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

let registry: TestRegistry;
let manifest: { readonly digest: string };
beforeAll(async () => {
  registry = await startRegistry();
  ({ manifest } = await putWeb(registry, randomBlob(3_000_000)));
});
afterAll(() => registry[Symbol.asyncDispose]());

type BehindArguments = Parameters<typeof behindFaults> extends [unknown, ...infer Rest] ? Rest : never;
const behind = (...scene: BehindArguments): Promise<void> => behindFaults(registry, ...scene);
const forManifests = faultsOf("/manifests/");

describe("a manifest", () => {
  const getIt = ({ repository }: Scene) => repository.manifest("1", signal());

  it("comes in spite of 429, 500 and cuts", () =>
    behind(
      forManifests((count) => {
        if (count === 1) return { type: "answer", status: 429, headers: { "retry-after": "1" } };
        if (count === 2) return { type: "answer", status: 500, body: "<html>oops</html>" };
        return count === 3 ? { type: "cut", after: 10 } : null;
      }),
      async (scene) => {
        const from = performance.now();
        expect((await getIt(scene)).descriptor).toEqual(manifest);
        expect(performance.now() - from).toBeGreaterThan(1_000);
      },
    ));

  it("is given up after five tries", () =>
    behind(
      forManifests(() => ({
        type: "answer",
        status: 503,
        body: '{"errors":[{"code":"UNAVAILABLE","message":"on \\u001b[31mfire"}]}',
      })),
      async (scene) => {
        await expect(getIt(scene)).rejects.toMatchObject({
          code: "unavailable",
          message: `manifest ${scene.proxy.address}/team/web:1: registry ${scene.proxy.address} fails (status 503: on [31mfire), 5 times in a row`,
        });
        expect(scene.proxy.seen("GET", "/manifests/")).toHaveLength(5);
      },
    ));

  it.each<[string, Fault, string, string]>([
    [
      "endless json",
      {
        type: "answer",
        status: 200,
        headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
        endless: true,
      },
      "corrupt",
      "is longer than 8 MiB",
    ],
    [
      "a claimed 4 GB",
      { type: "answer", status: 200, headers: { "content-length": "4294967296" }, body: "{" },
      "corrupt",
      "is longer than 8 MiB",
    ],
    [
      "a login page",
      { type: "answer", status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
      "corrupt",
      "answered with text/html instead of manifest",
    ],
    [
      "no json",
      { type: "answer", status: 200, body: "\u0000" },
      "corrupt",
      "answered with something instead of manifest",
    ],
    [
      "schema 1",
      { type: "answer", status: 200, body: '{"schemaVersion":1}' },
      "unimplemented",
      "has docker's manifest schema 1",
    ],
    [
      "another digest",
      { type: "change", answer: { "docker-content-digest": `sha256:${"0".repeat(64)}` } },
      "corrupt",
      `rather than sha256:${"0".repeat(64)}`,
    ],
    ["a redirect to itself", { type: "redirect", to: "" }, "corrupt", "redirects more than 5 times"],
    [
      "a redirect to http elsewhere",
      { type: "redirect", to: "http://registry.example/" },
      "corrupt",
      "redirects to registry.example without encryption",
    ],
    [
      "a redirect to a file",
      { type: "redirect", to: "file:///etc/passwd" },
      "corrupt",
      "redirects to something that is no http address",
    ],
    [
      "not found",
      { type: "answer", status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}' },
      "not-found",
      "not found: no",
    ],
    ["refused", { type: "answer", status: 418 }, "failed-precondition", "refuses it (status 418)"],
    [
      "too much of a header",
      { type: "answer", status: 200, headers: { x: "y".repeat(100_000) } },
      "corrupt",
      "no proper http answer (HPE_HEADER_OVERFLOW)",
    ],
  ])("is refused: %s", (_name, fault, code, message) =>
    behind(
      forManifests(() => fault),
      async (scene) => {
        const failed = getIt(scene);
        await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
      },
    ),
  );

  it("is known by what it says of itself where the registry gives it a common type", () =>
    behind(
      forManifests(() => ({ type: "change", answer: { "content-type": "application/json" } })),
      async (scene) => {
        expect((await getIt(scene)).descriptor).toEqual(manifest);
        expect(await scene.repository.describe("1", signal())).toEqual(manifest);
      },
    ));

  it("is described by fetching it where the registry knows no HEAD", () =>
    behind(
      (request) => (request.method === "HEAD" ? { type: "answer", status: 405 } : null),
      async ({ repository }) => {
        expect(await repository.describe("1", signal())).toEqual(manifest);
        expect(await repository.describe("none", signal())).toBeNull();
      },
    ));
});
