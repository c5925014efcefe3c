import { expect, it } from "vitest";
import { EngineError } from "../../engine/errors.ts";
import { parseImageConfig } from "../../engine/oci/image-config.ts";
import { parseIndex, parseManifest } from "../../engine/oci/manifest.ts";

const long = "\u001b[31m".repeat(100_000);
const digest = `sha256:${"0".repeat(64)}`;
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: 1 };
const read = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

it("keeps a message short enough for terminals and logs, whatever is quoted in it", () => {
  expect(new EngineError("corrupt", long).message).toHaveLength(4_000);
  expect(EngineError.wrap("pull x", new EngineError("corrupt", long)).message.length).toBeLessThanOrEqual(4_000);
});

it.each([
  ["a manifest's type", () => parseManifest(read({ schemaVersion: 2, mediaType: long, config, layers: [] }), "it")],
  [
    "a config's type",
    () => parseManifest(read({ schemaVersion: 2, config: { ...config, mediaType: long }, layers: [] }), "it"),
  ],
  [
    "a layer's type",
    () => parseManifest(read({ schemaVersion: 2, config, layers: [{ ...config, mediaType: long }] }), "it"),
  ],
  ["an index's type", () => parseIndex(read({ schemaVersion: 2, mediaType: long, manifests: [] }), "it")],
  ["a label's name", () => parseImageConfig(read({ config: { Labels: { [long]: 1 } } }), "it")],
])("says %s in a few words", (_, parse) => {
  let message = "";
  try {
    parse();
  } catch (error) {
    message = String(error);
  }
  expect(message).toMatch(/it/);
  expect(message.length).toBeLessThan(300);
});
