import { expect, it } from "vitest";
import { credentialsFor, stateOf } from "../../../../engine/builder/solve/base-images.ts";
import { type DiffID, type ImageID, sha256 } from "../../../../engine/oci/digest.ts";
import type { HistoryDocument } from "../../../../engine/oci/image-config.ts";

const platform = { os: "linux", architecture: "amd64" };

function stateWith(history: HistoryDocument[], layers: number) {
  const chain = Array.from({ length: layers }, (_, index) => sha256(String(index)) as DiffID);
  const imageConfig = {
    created: "2025-01-01T00:00:00Z",
    history,
    rootfs: { type: "layers" as const, diff_ids: chain },
  };
  return stateOf({ id: sha256("x") as ImageID, chain, imageConfig, reference: "x" }, { platform });
}

it("gives each layer of a base its entry in the history, so that those of the build fit theirs", () => {
  const empty = (state: ReturnType<typeof stateWith>) => state.history.map(({ empty_layer }) => empty_layer === true);
  expect(empty(stateWith([], 2))).toEqual([false, false]);
  expect(empty(stateWith([{ created_by: "a" }, { created_by: "b", empty_layer: true }], 2))).toEqual([
    false,
    true,
    false,
  ]);
  expect(empty(stateWith([{ created_by: "a" }, { created_by: "b" }], 1))).toEqual([false, true]);
});

it("gives a base without a PATH docker's, and leaves another one alone", () => {
  expect(stateWith([], 0).config.Env).toEqual(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
});

it("finds the account of a registry under the names that clients keep it by", () => {
  const account = { type: "password", username: "ann", password: "x" } as const;
  const found = (reference: string, key: string) => credentialsFor(reference, { [key]: account }) !== null;
  expect(found("busybox", "https://index.docker.io/v1/")).toBe(true);
  expect(found("docker.io/a/b:1", "docker.io")).toBe(true);
  expect(found("registry.example/a", "registry.example")).toBe(true);
  expect(found("registry.example/a", "https://registry.example")).toBe(true);
  expect(found("registry.example/a", "https://index.docker.io/v1/")).toBe(false);
  expect(credentialsFor("busybox", {})).toBeNull();
});
