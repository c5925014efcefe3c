import { mkdirSync, symlinkSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { findMountPoints } from "../../../../engine/builder/run/mount-points.ts";
import { tempRoot } from "../../../support/temp-root.ts";

it("finds where a runtime mounts, behind links, with all that it makes on the way", async () => {
  const root = await tempRoot();
  onTestFinished(() => root[Symbol.asyncDispose]());
  mkdirSync(root.join("run"));
  mkdirSync(root.join("var"));
  mkdirSync(root.join("etc"));
  symlinkSync("/run", root.join("var/run"));
  symlinkSync("../run/systemd/stub.conf", root.join("etc/resolv.conf"));
  symlinkSync("round", root.join("round"));
  symlinkSync("../../../../run", root.join("etc/out"));
  const find = (target: string) => findMountPoints(root.path, [target]);
  expect(find("/etc")).toEqual(["/etc"]);
  expect(find("/a/b/c")).toEqual(["/a", "/a/b", "/a/b/c"]);
  expect(find("/var/run/secrets/x")).toEqual(["/run/secrets", "/run/secrets/x"]);
  expect(find("/etc/resolv.conf")).toEqual(["/run/systemd", "/run/systemd/stub.conf"]);
  expect(find("/etc/out/x")).toEqual(["/run/x"]);
  expect(find("/round/x")).toEqual([]);
  expect(findMountPoints(root.path, ["/a/b", "/a/c"])).toEqual(["/a", "/a/b", "/a/c"]);
});
