import { describe, expect, it } from "vitest";
import { checkAgrees, checkVolumeName, checkVolumeWish, recordOf } from "../../../engine/volumes/volume-request.ts";

describe("a volume's name", () => {
  it.each(["ab", "0.", "web.data_1-x", "A".repeat(255), "f".repeat(64)])("may be %s", (name) => {
    expect(() => checkVolumeName(name)).not.toThrow();
  });
  it.each([
    "",
    "a",
    "0",
    ".",
    "..",
    ".hidden",
    "-x",
    "_x",
    "a/b",
    "/abs",
    "a b",
    "a\n",
    "ü",
    "a".repeat(256),
    "a\0b",
    "~",
  ])("may not be %j", (name) => expect(() => checkVolumeName(name)).toThrow("is not valid"));
});

const wish = { name: "vol", driver: "", options: {}, labels: {} };

it("knows one driver, and labels with names", () => {
  expect(() => checkVolumeWish({ ...wish, driver: "local", labels: { "a.b/c": "any\ntext" } })).not.toThrow();
  expect(() => checkVolumeWish({ ...wish, driver: "vieux/sshfs" })).toThrow('there is no driver "vieux/sshfs"');
  expect(() => checkVolumeWish({ ...wish, labels: { "": "x" } })).toThrow("label");
});

it("takes the one that is there where nothing else is asked of it", () => {
  const there = recordOf({ ...wish, options: { type: "tmpfs", device: "tmpfs" } }, false);
  expect(() => checkAgrees(there, wish)).not.toThrow();
  expect(() => checkAgrees(there, { ...wish, options: { device: "tmpfs", type: "tmpfs" } })).not.toThrow();
  expect(() => checkAgrees(there, { ...wish, options: { device: "x", type: "tmpfs" } })).toThrow(
    "volume vol exists with other options",
  );
});

it("labels anonymous ones as docker does", () => {
  expect(recordOf({ ...wish, labels: { a: "b" } }, true)).toMatchObject({
    anonymous: true,
    status: "making",
    labels: { a: "b", "com.docker.volume.anonymous": "" },
  });
});
