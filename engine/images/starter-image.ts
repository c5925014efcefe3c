import { readFile } from "node:fs/promises";
import { pack } from "tar-stream";
import type { Database } from "../database/database.ts";
import { runCommand } from "../host/commands.ts";
import { findProgram } from "../host/programs.ts";
import { isStaticProgram } from "../lib/elf.ts";
import type { ImageID } from "../oci/digest.ts";
import type { ImageService, LongWork } from "./image-service.ts";

export const starterReference = "gantry/busybox:latest";
/** Present once the image was made for this root, so that one the user removed does not come back. */
const settingKey = "starter-image";
/** Debian and Fedora call their static one `busybox`, Alpine and openSUSE give it a name of its own. */
const busyboxNames = ["busybox", "busybox.static", "busybox-static"];
const createdAt = "2026-01-01T00:00:00Z";
const changes = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["sh"]'];

/**
 * Makes `gantry/busybox:latest` from the host's static busybox, once for each root; the same busybox makes the same image ID. Gives
 * null where there is nothing to do, or no static busybox on the host.
 */
export async function ensureStarterImage(
  images: ImageService,
  database: Database,
  work: LongWork,
): Promise<{ id: ImageID } | null> {
  const known = database.prepare("SELECT value FROM settings WHERE key = ?").get(settingKey);
  if (known !== undefined) return null;
  const busybox = await findBusybox();
  if (busybox === null) return null;
  const applets = parseApplets(await runCommand(busybox.name, ["--list-full"]));
  const options = { reference: starterReference, changes, message: "made from the host's static busybox", createdAt };
  const image = await images.import(makeRootfs(busybox.program, applets), options, work);
  database.prepare("INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO NOTHING").run(settingKey, image.id);
  return image;
}

/** A busybox that needs no shared libraries, which would be missing in a container. */
async function findBusybox(): Promise<{ name: string; program: Buffer } | null> {
  for (const name of busyboxNames) {
    const path = findProgram(name);
    const program = path === null ? null : await readFile(path);
    if (program !== null && isStaticProgram(program)) return { name, program };
  }
  return null;
}

/** Paths without a leading slash, as `busybox --list-full` prints them; sorted, each once. */
function parseApplets(list: string): string[] {
  const paths = list.split("\n").filter((line) => /^(?:usr\/)?s?bin\/[\w.[+-]+$/.test(line));
  return [...new Set(paths)].filter((path) => path !== "bin/busybox").sort();
}

const directories: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  proc: 0o555,
  root: 0o700,
  sbin: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  "usr/bin": 0o755,
  "usr/local": 0o755,
  "usr/local/bin": 0o755,
  "usr/sbin": 0o755,
  var: 0o755,
  "var/log": 0o755,
  "var/spool": 0o755,
  "var/spool/cron": 0o755,
  "var/spool/cron/crontabs": 0o755,
  "var/tmp": 0o1777,
  www: 0o755,
};

const files: Readonly<Record<string, string>> = {
  "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  "etc/passwd": [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
    "www-data:x:33:33:www-data:/www:/bin/false",
    "nobody:x:65534:65534:nobody:/home:/bin/false\n",
  ].join("\n"),
  "www/index.html": "<!doctype html>\n<title>gantry</title>\n<h1>It works.</h1>\n",
};

/** The file system as a tar, the same bytes each time. */
function makeRootfs(program: Buffer, applets: readonly string[]): AsyncIterable<Uint8Array> {
  const tar = pack();
  const common = { mtime: new Date(createdAt), uid: 0, gid: 0 };
  for (const [name, mode] of Object.entries(directories)) tar.entry({ ...common, name, mode, type: "directory" });
  for (const [name, text] of Object.entries(files)) tar.entry({ ...common, name, mode: 0o644 }, text);
  tar.entry({ ...common, name: "bin/busybox", mode: 0o755 }, program);
  for (const name of applets) {
    tar.entry({ ...common, name, mode: 0o777, type: "symlink", linkname: "/bin/busybox" });
  }
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
}
