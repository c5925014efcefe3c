import { expect, it } from "vitest";
import { withoutMountPoints } from "../../../engine/containers/own-changes.ts";
import type { FileChange } from "../../../engine/protocol/containers.ts";

const change = (kind: FileChange["kind"], path: string, type: FileChange["type"] = "file", size = 0): FileChange => ({
  path,
  kind,
  size,
  type,
});
const etc = change("changed", "/etc", "directory");
const hosts = change("added", "/etc/hosts");
const mount = {
  type: "bind" as const,
  source: "/srv",
  target: "/data/in",
  readOnly: false,
  createSource: false,
  options: [],
};

it("hides mount points and the directories they stand in", () => {
  const data = change("added", "/data", "directory");
  expect(withoutMountPoints([etc, hosts], [])).toEqual([]);
  expect(withoutMountPoints([data, change("added", "/data/in", "directory")], [mount])).toEqual([data]);
});

it("keeps what the container did itself", () => {
  const motd = change("added", "/etc/motd", "file", 5);
  const gone = change("deleted", "/etc/hosts");
  const filled = change("changed", "/etc/resolv.conf", "file", 9);
  expect(withoutMountPoints([etc, hosts, motd], [])).toEqual([etc, motd]);
  expect(withoutMountPoints([etc, gone], [])).toEqual([etc, gone]);
  expect(withoutMountPoints([etc, filled], [])).toEqual([etc, filled]);
  expect(withoutMountPoints([change("changed", "/root", "directory")], [])).toHaveLength(1);
});
