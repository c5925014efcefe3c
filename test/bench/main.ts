/**
 * Measures Gantry beside docker and podman on the same work in one run, and prints medians (least–most) and ratios.
 *
 *   npm run bench -- [--rounds N] [--only commands,twenty,load,logs,dashboard] [--debian TAR] [--save]
 *
 * Everything runs in network, mount and pid namespaces of its own: no container, bridge or rule of the host is touched, and
 * nothing is left when it ends, however it ends. --debian names a root file system that mmdebstrap made before. --save writes
 * results.json beside this file.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commandRows, loadRow, logRows, twentyRows, type Workplace } from "./cases.ts";
import { dashboardRows } from "./dashboard.ts";
import { type Engine, image, openDocker, openPodman } from "./engines.ts";
import { openGantry } from "./gantry-engine.ts";
import { formatTable, type Row, runCommand } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    only: { type: "string", default: "commands,twenty,load,logs,dashboard" },
    debian: { type: "string" },
    save: { type: "boolean", default: false },
  },
});

const inside = "GANTRY_BENCH_DIRECTORY";
const debianRootfs = "debian.tar";
const directory = process.env[inside];
if (directory === undefined) process.exit(runIsolated());
await main(directory);

/** Runs this file again where nothing it does can reach the host. */
function runIsolated(): number {
  if (process.getuid?.() !== 0) {
    console.error("bench: run as root: it starts three container engines");
    return 1;
  }
  installEngines();
  const place = mkdtempSync(join(tmpdir(), "gb-"));
  // Before the isolation, which has no network.
  if (options.only.split(",").includes("load")) makeDebianRootfs(join(place, debianRootfs));
  const isolation = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const again = [process.execPath, import.meta.filename, ...process.argv.slice(2)];
  const result = spawnSync("unshare", [...isolation, ...again], {
    stdio: "inherit",
    env: { ...process.env, [inside]: place, NODE_NO_WARNINGS: "1" },
  });
  rmSync(place, { recursive: true, force: true });
  return result.status ?? 1;
}

function installEngines(): void {
  const wanted = { dockerd: "docker.io", podman: "podman", netavark: "netavark", iptables: "iptables", curl: "curl" };
  const isThere = (name: string) =>
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib/podman"].some((folder) => existsSync(join(folder, name)));
  const missing = Object.entries(wanted).filter(([program]) => !isThere(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  console.error(`bench: installing ${packages.join(" ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...packages], {
    stdio: "ignore",
    env: environment,
  });
}

async function main(place: string): Promise<void> {
  runCommand(["ip", "link", "set", "lo", "up"]);
  const runtime = "runc";
  for (const name of ["g", "d", "p"]) mountFresh(join(place, name));
  const engines = [
    openGantry(join(place, "g")),
    openDocker(join(place, "d"), runtime),
    openPodman(join(place, "p"), runtime),
  ];
  const rows: Row[] = [];
  try {
    for (const engine of engines) await engine.start();
    const workplace: Workplace = { engines, rounds: Number(options.rounds), archive: join(place, "debian-image.tar") };
    const rootfs = makeBusyboxRootfs(place);
    for (const engine of engines) engine.importRootfs(rootfs, image);
    const parts = options.only.split(",");
    if (parts.includes("commands")) rows.push(...(await commandRows(workplace)));
    if (parts.includes("twenty")) rows.push(...(await twentyRows(workplace)));
    if (parts.includes("load")) {
      makeDebianArchive(place, engines[1] as Engine, workplace.archive);
      rows.push(await loadRow(workplace));
    }
    if (parts.includes("logs")) rows.push(...(await logRows(workplace)));
    if (parts.includes("dashboard")) rows.push(...(await dashboardRows(engines[0] as Engine)));
  } finally {
    for (const engine of engines) await engine.stop().catch((error) => console.error(`bench: ${error}`));
  }
  report(rows, engines, runtime);
}

function report(rows: readonly Row[], engines: readonly Engine[], runtime: string): void {
  const names = engines.map((engine) => engine.name);
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    runtime: runCommand([runtime, "--version"]).split("\n")[0] ?? runtime,
    docker: runCommand(["dockerd", "--version"]),
    podman: runCommand(["podman", "--version"]),
    date: new Date().toISOString().slice(0, 10),
  };
  console.log(
    `\n${Object.entries(machine)
      .map(([key, value]) => `${key}: ${value}`)
      .join("\n")}\n`,
  );
  console.log(formatTable(rows, names));
  if (!options.save) return;
  const path = join(import.meta.dirname, "results.json");
  writeFileSync(path, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
  console.error(`bench: written to ${path}`);
}

/**
 * A file system of its own for each engine: none pays for what the others have not yet written to the disk, nor for what was
 * deleted on a disk in use. It goes with our mount namespace.
 */
function mountFresh(directory: string): void {
  const disk = `${directory}.ext4`;
  mkdirSync(directory);
  runCommand(["truncate", "-s", "8G", disk]);
  runCommand(["mkfs.ext4", "-q", disk]);
  runCommand(["mount", "-o", "loop", disk, directory]);
}

/** A root file system of one static busybox, as a tar. */
function makeBusyboxRootfs(place: string): string {
  const root = join(place, "busybox");
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "true", "sleep", "seq", "cat", "echo", "httpd", "yes"])
    symlinkSync("busybox", join(root, "bin", name));
  const tar = join(place, "busybox.tar");
  runCommand(["tar", "-C", root, "-cf", tar, "."]);
  return tar;
}

function makeDebianRootfs(tar: string): void {
  console.error("bench: making a Debian image");
  if (options.debian !== undefined) copyFileSync(options.debian, tar);
  else runCommand(["mmdebstrap", "--variant=minbase", "--mode=root", "bookworm", tar]);
}

/** That Debian in the archive that `docker save` writes of it. */
function makeDebianArchive(place: string, docker: Engine, archive: string): void {
  const tar = join(place, debianRootfs);
  runCommand(docker.cli("import", tar, "bench/debian:latest"));
  runCommand(docker.cli("save", "-o", archive, "bench/debian:latest"));
  runCommand(docker.cli("rmi", "-f", "bench/debian:latest"));
  rmSync(tar);
}
