import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { EngineError, messageOf } from "../../errors.ts";
import { openInRoot } from "../../host/syscalls.ts";
import { type BytePath, pathOf, textOf } from "../../lib/byte-path.ts";
import { type FoundPackage, packageLimit, type ScanResult } from "./found-package.ts";
import {
  parseApkInstalled,
  parseDpkgStatus,
  parseOSRelease,
  parsePackageJson,
  parsePythonMetadata,
} from "./parse-package-files.ts";
import { readRpmDatabase } from "./read-rpm-database.ts";

const readFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A descriptor is held a level. */
const depthLimit = 200;
const databaseLimit = 128 * 1024 * 1024;
const fileLimit = 1024 * 1024;
const rpmPaths = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];
/** Forms of rpm's database that came before SQLite: of Berkeley DB, and rpm's own. */
const otherRpmPaths = ["var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages.db"];

export type ScanOptions = {
  /** Absolute directory of a root file system that nobody writes into. */
  readonly root: string;
  /** Directory where a database may be copied to. */
  readonly scratch: string;
  readonly isCancelled: () => boolean;
};

/**
 * Finds the packages of a file system by the databases of dpkg, apk and rpm, and by what npm and pip write beside each package. All of it is
 * hostile: nothing outside is ever read, and what cannot be read is told as a remark. Synchronous: for workers.
 */
export function scanPackages(options: ScanOptions): ScanResult {
  const scan = new Scan(options);
  try {
    return scan.run();
  } finally {
    scan[Symbol.dispose]();
  }
}

class Scan implements Disposable {
  readonly #options: ScanOptions;
  readonly #root: number;
  readonly #packages: FoundPackage[] = [];
  readonly #remarks: string[] = [];

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#root = openSync(options.root, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  run(): ScanResult {
    this.#readDpkg();
    const apk = this.#read("lib/apk/db/installed", databaseLimit);
    if (apk !== null) this.#add(parseApkInstalled(apk.toString(), "/lib/apk/db/installed"));
    this.#readRpm();
    this.#walk(`/proc/self/fd/${this.#root}/.`, "", 0);
    const release = this.#read("etc/os-release", fileLimit) ?? this.#read("usr/lib/os-release", fileLimit);
    const distribution = parseOSRelease(release?.toString() ?? "");
    return { packages: this.#packages, distribution, remarks: this.#remarks };
  }

  [Symbol.dispose](): void {
    closeSync(this.#root);
  }

  #readDpkg(): void {
    const status = this.#read("var/lib/dpkg/status", databaseLimit);
    if (status !== null) this.#add(parseDpkgStatus(status.toString(), "/var/lib/dpkg/status"));
    for (const name of this.#list("var/lib/dpkg/status.d")) {
      if (name.endsWith(".md5sums")) continue;
      const part = this.#read(`var/lib/dpkg/status.d/${name}`, fileLimit);
      if (part !== null) this.#add(parseDpkgStatus(part.toString(), `/var/lib/dpkg/status.d/${textOf(name)}`));
    }
  }

  #readRpm(): void {
    for (const path of rpmPaths) {
      const database = this.#read(path, databaseLimit);
      if (database === null) continue;
      // Changes that were not brought into it yet.
      const log = this.#read(`${path}-wal`, databaseLimit);
      this.#try(`/${path}`, () => this.#add(readRpmDatabase({ database, log }, this.#options.scratch, `/${path}`)));
      return;
    }
    const other = otherRpmPaths.find((path) => this.#read(path, databaseLimit) !== null);
    if (other !== undefined) this.#remarks.push(`/${other} is a database of rpm in a form that is not read`);
  }

  #walk(path: BytePath, where: BytePath, depth: number): void {
    if (this.#options.isCancelled()) throw new EngineError("cancelled", "cancelled");
    if (depth > depthLimit) {
      this.#remarks.push(`directories below /${textOf(where)} are too deep to be looked at`);
      return;
    }
    const fd = openSync(pathOf(path), directoryFlags);
    try {
      const here = `/proc/self/fd/${fd}`;
      for (const entry of readdirSync(here, { encoding: "latin1", withFileTypes: true })) {
        const { name } = entry;
        const place = where === "" ? name : `${where}/${name}`;
        if (entry.isDirectory()) this.#walk(`${here}/${name}`, place, depth + 1);
        else if (entry.isFile()) this.#look(name, place);
      }
    } finally {
      closeSync(fd);
    }
  }

  #look(name: BytePath, place: BytePath): void {
    const parse = parserOf(name, place);
    const content = parse === null ? null : this.#read(place, fileLimit);
    const found = content === null ? null : (parse?.(content.toString(), `/${textOf(place)}`) ?? null);
    if (found !== null) this.#add([found]);
  }

  #add(packages: readonly FoundPackage[]): void {
    for (const found of packages) this.#packages.push(found);
    if (this.#packages.length <= packageLimit) return;
    throw new EngineError("resource-exhausted", `the image has more than ${packageLimit} packages`);
  }

  /** Whole content of a file, links followed inside; null where there is none. */
  #read(path: BytePath, limit: number): Buffer | null {
    const fd = openInRoot(this.#root, path, readFlags);
    if (fd === null) return null;
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return null;
      if (stat.size > limit) {
        this.#remarks.push(`/${textOf(path)} is too large to be read`);
        return null;
      }
      const bytes = Buffer.alloc(stat.size);
      let size = 0;
      while (size < bytes.length) {
        const read = readSync(fd, bytes, size, bytes.length - size, size);
        if (read === 0) break;
        size += read;
      }
      return bytes.subarray(0, size);
    } finally {
      closeSync(fd);
    }
  }

  #list(path: BytePath): BytePath[] {
    const fd = openInRoot(this.#root, path, constants.O_RDONLY | constants.O_DIRECTORY);
    if (fd === null) return [];
    try {
      return readdirSync(`/proc/self/fd/${fd}`, { encoding: "latin1" }).sort();
    } finally {
      closeSync(fd);
    }
  }

  #try(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#remarks.push(`${what} cannot be read: ${messageOf(error).slice(0, 200)}`);
    }
  }
}

type Parse = (text: string, source: string) => FoundPackage | null;

/** Only what stands where a package manager puts it: sources have such files, too. */
function parserOf(name: BytePath, place: BytePath): Parse | null {
  if (name === "package.json" && /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(place)) {
    return parsePackageJson;
  }
  if (name === "METADATA" && /\.dist-info\/METADATA$/.test(place)) return parsePythonMetadata;
  if (name === "PKG-INFO" && /\.egg-info\/PKG-INFO$/.test(place)) return parsePythonMetadata;
  return null;
}
