import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lgetxattr, llistxattr, lsetxattr } from "../../engine/host/syscalls.ts";
import { run } from "./images-archives.ts";

/** cap_net_raw=ep as the kernel keeps it (linux/capability.h, vfs_cap_data, version 2). */
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** buildah with a storage of its own. */
export class Buildah implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "gantry-test-"));

  run(...args: string[]): string {
    const own = ["--root", join(this.directory, "root"), "--runroot", join(this.directory, "run")];
    return run("buildah", ...own, "--storage-driver", "vfs", ...args).trim();
  }

  /** An image made of `base` and of what `change` does in its root file system. */
  commit(base: string, name: string, change: (rootfs: string) => void, ...config: string[]): string {
    const container = this.run("from", "--pull-never", base);
    change(this.run("mount", container));
    this.run("umount", container);
    if (config.length > 0) this.run("config", ...config, container);
    this.run("commit", "-q", container, name);
    this.run("rm", container);
    return name;
  }

  /** What `look` sees in an image's root file system. */
  look<T>(image: string, look: (rootfs: string) => T): T {
    const container = this.run("from", "--pull-never", image);
    try {
      return look(this.run("mount", container));
    } finally {
      this.run("rm", container);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** `kinds`: three layers, with every kind of file that is easily lost on the way, and with whiteouts. */
export function makeKinds(buildah: Buildah): string {
  buildah.commit("scratch", "kinds-1", (rootfs) => {
    mkdirSync(join(rootfs, "bin"));
    copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
    for (const name of ["sh", "sleep", "ln", "touch"]) linkSync(join(rootfs, "bin/busybox"), join(rootfs, "bin", name));
    mkdirSync(join(rootfs, "gone"));
    writeFileSync(join(rootfs, "gone/file"), "gone");
    mkdirSync(join(rootfs, "replaced"));
    writeFileSync(join(rootfs, "replaced/old"), "old");
  });
  buildah.commit("kinds-1", "kinds-2", addKinds, "--label", "a=b");
  const config = ["--cmd", "sleep 300", "--env", "PATH=/bin", "--port", "80/tcp", "--stop-signal", "SIGKILL"];
  return buildah.commit(
    "kinds-2",
    "kinds",
    (rootfs) => {
      rmSync(join(rootfs, "gone"), { recursive: true });
      rmSync(join(rootfs, "replaced"), { recursive: true });
      mkdirSync(join(rootfs, "replaced"));
      writeFileSync(join(rootfs, "replaced/new"), "new");
    },
    ...config,
  );
}

function addKinds(rootfs: string): void {
  const at = (path: string): string => join(rootfs, path);
  copyFileSync("/bin/busybox", at("bin/able"));
  lsetxattr(at("bin/able"), "security.capability", capability);
  linkSync(at("bin/able"), at("bin/linked"));
  writeFileSync(at("bin/setuid"), "x");
  run("chmod", "6755", at("bin/setuid"));
  run("chown", "1234:4321", at("bin/setuid"));
  run("chmod", "6755", at("bin/setuid"));
  writeFileSync(at("holes"), "start");
  truncateSync(at("holes"), 20_000_000);
  run("mknod", at("null"), "c", "1", "3");
  run("mkfifo", at("fifo"));
  mkdirSync(at("sticky"));
  run("chmod", "1777", at("sticky"));
}

const paths = ["bin/able", "bin/linked", "bin/setuid", "holes", "null", "fifo", "sticky", "replaced/new"];

/** What is left of these files below a directory, in words. */
export function kindsIn(rootfs: string): string[] {
  const lines = paths.map((path) => {
    const place = join(rootfs, path);
    const { mode, uid, gid, size, rdev, nlink } = statSync(place);
    const names = llistxattr(place).filter((name) => name.startsWith("security.") || name.startsWith("user."));
    const attributes = names.map((name) => `${name}=${lgetxattr(place, name)?.toString("hex")}`);
    const links = path.startsWith("bin/") ? nlink : 0;
    const length = statSync(place).isDirectory() ? 0 : size;
    return [path, mode.toString(8), uid, gid, length, rdev, links, ...attributes].join(" ");
  });
  const isLinked = statSync(join(rootfs, "bin/able")).ino === statSync(join(rootfs, "bin/linked")).ino;
  const gone = ["gone", "replaced/old"].filter((path) => statSync(join(rootfs, path), { throwIfNoEntry: false }));
  return [...lines, `linked ${isLinked}`, `still there ${gone.join(" ")}`];
}

export const allKinds = [
  `bin/able 100755 0 0 ${statSync("/bin/busybox").size} 0 2 security.capability=${capability.toString("hex")}`,
  `bin/linked 100755 0 0 ${statSync("/bin/busybox").size} 0 2 security.capability=${capability.toString("hex")}`,
  "bin/setuid 106755 1234 4321 1 0 1",
  "holes 100644 0 0 20000000 0 0",
  "null 20644 0 0 0 259 0",
  "fifo 10644 0 0 0 0 0",
  "sticky 41777 0 0 0 0 0",
  "replaced/new 100644 0 0 3 0 0",
  "linked true",
  "still there ",
];
