import { readFileSync } from "node:fs";
import { getProgram } from "../../engine/host/programs.ts";
import { type MadeTar, type TarItem, tarOf } from "./tar-of.ts";

const applets =
  "sh echo cat sleep true false id stty env hostname touch ls grep wc test head tr dd kill mount umount seq pwd ps sync stat mkdir rm nc nslookup ip yes chmod chown ln df ping wget sed readlink nohup setsid".split(
    " ",
  );

/** A layer with busybox and two users, and no directory that a runtime would have to mount on but /etc. */
export function busyboxTar(more: readonly TarItem[] = []): MadeTar {
  return tarOf([
    { path: "bin/" },
    { path: "bin/busybox", data: readFileSync(getProgram("busybox")), mode: 0o755 },
    ...applets.map((name) => ({ path: `bin/${name}`, type: "1", linkPath: "bin/busybox" })),
    { path: "etc/" },
    { path: "etc/passwd", data: "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n" },
    { path: "etc/group", data: "root:x:0:\nann:x:1001:\nstaff:x:50:ann\n" },
    { path: "root/", mode: 0o700 },
    { path: "tmp/", mode: 0o1777 },
    { path: "bin/not-executable", data: "x" },
    ...more,
  ]);
}
