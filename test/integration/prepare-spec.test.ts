import { mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { prepareSpec } from "../../engine/runtime/spec/prepare-spec.ts";
import { tempRoot } from "../support/temp-root.ts";

it("makes a directory read-only with all below it, a file by itself: crun takes the former's word for directories only", async () => {
  await using root = await tempRoot();
  for (const name of ["rootfs", "directory"]) mkdirSync(root.join(name));
  writeFileSync(root.join("file"), "");
  const bind = { type: "bind" as const, readOnly: true, createSource: false, options: [] };
  const mounts = ["directory", "file"].map((name) => ({ ...bind, source: root.join(name), target: `/${name}` }));

  const { spec } = await prepareSpec({
    request: { ...emptyCreateRequest("web"), command: ["true"], mounts },
    image: { entrypoint: [], command: [], environment: [], user: "", workingDirectory: "" },
    rootfs: root.join("rootfs"),
    netnsPath: null,
    hostname: "box",
    cgroupsPath: "/gantry/x",
    files: { hosts: null, resolvConf: null, hostname: null },
  });

  const own = (spec.mounts as { source: string; options: string[] }[]).filter(({ source }) =>
    source.startsWith(root.path),
  );
  expect(own.map(({ options }) => options)).toEqual([
    ["rbind", "rprivate", "ro", "rro"],
    ["bind", "rprivate", "ro"],
  ]);
});
