import { expect, it } from "vitest";
import { chainIDOf } from "../../../engine/oci/chain-id.ts";
import { type DiffID, sha256 } from "../../../engine/oci/digest.ts";
import { createdOf, historyOf, parseImageConfig } from "../../../engine/oci/image-config.ts";
import { parseIndex, parseManifest } from "../../../engine/oci/manifest.ts";
import { findForPlatform } from "../../../engine/oci/platform.ts";

const digest = `sha256:${"0".repeat(64)}`;
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: 2 };
const manifestType = "application/vnd.oci.image.manifest.v1+json";

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const corrupt = expect.objectContaining({ code: "corrupt" });
const unimplemented = expect.objectContaining({ code: "unimplemented" });

it("folds diffIDs as the specification does", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => sha256(text) as DiffID) as [DiffID, DiffID, DiffID];
  expect(chainIDOf([])).toBeNull();
  expect(chainIDOf([a])).toBe(a);
  expect(chainIDOf([a, b, c])).toBe(sha256(`${sha256(`${a} ${b}`)} ${c}`));
});

it("reads a manifest of either kind", () => {
  const layers = [{ mediaType: layerType, digest, size: 10, urls: ["https://elsewhere.example"] }];
  expect(parseManifest(bytesOf({ schemaVersion: 2, config, layers }), "manifest").layers).toHaveLength(1);
  const docker = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { ...config, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", digest, size: 1 }],
  };
  expect(parseManifest(bytesOf(docker), "manifest").config.digest).toBe(digest);
});

it.each([
  ["no json", Buffer.from("{")],
  ["bytes that are no utf-8", Buffer.from([0x22, 0xff, 0x22])],
  ["a version of its own", bytesOf({ schemaVersion: 1, config, layers: [] })],
  [
    "a digest that is a path",
    bytesOf({ schemaVersion: 2, config: { ...config, digest: "../../etc/passwd" }, layers: [] }),
  ],
  ["a negative size", bytesOf({ schemaVersion: 2, config: { ...config, size: -1 }, layers: [] })],
  ["an index in disguise", bytesOf({ schemaVersion: 2, config, layers: [], manifests: [] })],
  [
    "a thousand layers",
    bytesOf({ schemaVersion: 2, config, layers: Array(1000).fill({ ...config, mediaType: layerType }) }),
  ],
])("refuses a manifest with %s", (_, bytes) => {
  expect(() => parseManifest(bytes, "manifest")).toThrow(corrupt);
});

it("says that an artifact is no image", () => {
  const chart = {
    schemaVersion: 2,
    config: { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" },
    layers: [],
  };
  expect(() => parseManifest(bytesOf(chart), "manifest")).toThrow(/no container image/);
  const encrypted = { schemaVersion: 2, config, layers: [{ mediaType: `${layerType}+encrypted`, digest, size: 1 }] };
  expect(() => parseManifest(bytesOf(encrypted), "manifest")).toThrow(unimplemented);
});

it("chooses the platform and never an attestation", () => {
  const entry = (architecture: string, os: string, size: number) => ({
    mediaType: manifestType,
    digest,
    size,
    platform: { architecture, os },
  });
  const entries = [entry("unknown", "unknown", 1), entry("arm64", "linux", 2), entry("amd64", "linux", 3)];
  const index = parseIndex(bytesOf({ schemaVersion: 2, manifests: entries }), "index");
  expect(findForPlatform(index, { architecture: "amd64", os: "linux" })?.size).toBe(3);
  expect(findForPlatform(index, { architecture: "riscv64", os: "linux" })).toBeNull();
  const plain = { schemaVersion: 2, manifests: [{ mediaType: manifestType, digest, size: 9 }] };
  expect(findForPlatform(parseIndex(bytesOf(plain), "index"), { architecture: "amd64", os: "linux" })?.size).toBe(9);
});

it("refuses an index that could be a manifest", () => {
  expect(() => parseIndex(bytesOf({ schemaVersion: 2, manifests: [], layers: [] }), "index")).toThrow(corrupt);
});

const rootfs = { type: "layers", diff_ids: [digest, digest] };

it("reads a config as Go writes it: nulls, missing fields, a command that is a string; and keeps the rest", () => {
  const document = {
    architecture: "amd64",
    os: "linux",
    config: { Env: null, Cmd: "sh", Labels: null, Healthcheck: { Test: ["NONE"] } },
    rootfs,
    history: null,
    container_config: { Hostname: "x" },
  };
  const imageConfig = parseImageConfig(bytesOf(document), "config");
  expect(imageConfig.config).toEqual({ Env: null, Cmd: ["sh"], Labels: null, Healthcheck: { Test: ["NONE"] } });
  expect(imageConfig.container_config).toEqual({ Hostname: "x" });
  expect(createdOf(imageConfig)).toBe("1970-01-01T00:00:00Z");
});

it.each([
  ["a diffID that is a path", { rootfs: { type: "layers", diff_ids: ["sha256:../x"] } }],
  ["no rootfs", {}],
  ["a command of numbers", { rootfs, config: { Cmd: [1] } }],
])("refuses a config with %s", (_, document) => {
  expect(() => parseImageConfig(bytesOf(document), "config")).toThrow(corrupt);
});

it("refuses an image of another operating system", () => {
  expect(() => parseImageConfig(bytesOf({ os: "windows", rootfs }), "config")).toThrow(unimplemented);
});

it("fits history to layers, whatever it says", () => {
  const steps = (history: unknown) =>
    historyOf(parseImageConfig(bytesOf({ rootfs, history }), "config")).map(({ layer }) => layer);
  expect(steps([{ created_by: "a" }, { empty_layer: true }, { created_by: "b" }])).toEqual([0, null, 1]);
  expect(steps([])).toEqual([0, 1]);
  expect(steps([{}, {}, {}, {}])).toEqual([0, 1, null, null]);
});
