import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { unmount } from "../../engine/host/mounts.ts";
import { mountMappedOverlay } from "../../engine/layers/mapped-overlay.ts";
import { tempRoot } from "../support/temp-root.ts";

it("stays mounted, and alone, where mounts are shared, as systemd has them", async () => {
  await using root = await tempRoot();
  execFileSync("mount", ["--bind", root.path, root.path]);
  execFileSync("mount", ["--make-shared", root.path]);
  const lower = ["top", "bottom"].map((name) => root.join(name));
  for (const path of [
    ...lower,
    root.join("own"),
    root.join("own/upper"),
    root.join("own/work"),
    root.join("own/rootfs"),
  ]) {
    mkdirSync(path);
  }
  for (const path of lower) writeFileSync(`${path}/${path.split("/").at(-1)}`, "");
  const ids = { start: 2 ** 30, size: 65_536 };

  await mountMappedOverlay({ lower, directory: root.join("own") }, root.join("own/rootfs"), {
    ids,
    place: root.join("place"),
  });

  const mounts = listMounts().filter(({ target }) => target.startsWith(`${root.path}/`));
  expect(mounts.map(({ target }) => target)).toEqual([root.join("own/rootfs")]);
  expect(lower.map((path) => statSync(`${root.path}/own/rootfs/${path.split("/").at(-1)}`).uid)).toEqual([
    ids.start,
    ids.start,
  ]);
  await unmount(root.join("own/rootfs"));
});
