/**
 * Measures Gantry beside docker, podman and skopeo on the same work in one run, and prints medians (least–most) and ratios.
 *
 *   npm run bench -- [PART...] [--rounds N] [--only commands,twenty,load,logs,dashboard,images] [--debian TAR] [--save]
 *   npm run bench -- containers [--rounds N] [--only life,requests,list,hundred,five] [--save]
 *   npm run bench -- api [--rounds N] [--only life,many,data] [--debian TAR] [--save]
 *   npm run bench -- build [--rounds N] [--only steps,stages,context] [--save]
 *
 * Everything runs in network, mount and pid namespaces of its own: no container, bridge or rule of the host is touched, and
 * nothing is left when it ends, however it ends. --debian names a root file system that mmdebstrap made before. --save puts the
 * figures of the parts that ran into results.json beside this file and into the README's tables.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ApiWorkplace, apiRows } from "./api/cases.ts";
import { buildRows } from "./build/cases.ts";
import { commandRows, loadRow, logRows, twentyRows, type Workplace } from "./cases.ts";
import { containerRows } from "./containers/cases.ts";
import { openDockerApi } from "./containers/docker-api.ts";
import { openGantryApi } from "./containers/gantry-api.ts";
import { makeServerRootfs, serverImage } from "./containers/requests.ts";
import { dashboardRows } from "./dashboard.ts";
import { type Engine, image, openDocker, openPodman } from "./engines.ts";
import { openGantry } from "./gantry-engine.ts";
import { imageRows } from "./images/cases.ts";
import { dashboardKeyRow } from "./images/dashboard-keys.ts";
import { dockerImages, gantryImages, podmanImages, skopeoImages } from "./images/engines.ts";
import { BenchRegistry } from "./images/registry.ts";
import { openImageWorkplace } from "./images/workplace.ts";
import { type Row, runCommand } from "./measure.ts";
import { type Part, printReport, saveReport } from "./report.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "10" },
    only: { type: "string" },
    debian: { type: "string" },
    runtime: { type: "string", default: "runc" },
    save: { type: "boolean", default: false },
  },
});

const only = options.only?.split(",") ?? null;
const parts = positionals.length > 0 ? positionals : (only ?? "commands,twenty,load,logs,dashboard,images".split(","));
const inside = "GANTRY_BENCH_DIRECTORY";
const debianRootfs = "debian.tar";
const runtime = options.runtime;
const directory = process.env[inside];
if (directory === undefined) process.exit(await runIsolated());
await main(directory);

/** Runs this file again where nothing it does can reach the host. Also when it is interrupted, nothing stays. */
async function runIsolated(): Promise<number> {
  if (process.getuid?.() !== 0) {
    console.error("bench: run as root: it starts three container engines");
    return 1;
  }
  installEngines();
  const place = mkdtempSync(join(tmpdir(), "gb-"));
  try {
    // Before the isolation, which has no network.
    if (parts.some((part) => ["load", "images", "api"].includes(part))) makeDebianRootfs(join(place, debianRootfs));
    const isolation = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const again = [process.execPath, import.meta.filename, ...process.argv.slice(2)];
    const child = spawn("unshare", [...isolation, ...again], {
      stdio: "inherit",
      env: { ...process.env, [inside]: place, NODE_NO_WARNINGS: "1" },
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill("SIGKILL"));
    const [code] = await once(child, "exit");
    return code ?? 1;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function installEngines(): void {
  const wanted = {
    dockerd: "docker.io",
    podman: "podman",
    netavark: "netavark",
    iptables: "iptables",
    curl: "curl",
    skopeo: "skopeo",
    buildah: "buildah",
    "docker-registry": "docker-registry",
  };
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
  if (runtime === "crun") leaveUnifiedOut();
  for (const name of ["g", "d", "p", "s"]) mountFresh(join(place, name));
  keepPodmanToItsDisk(join(place, "p"));
  const engines = [
    openGantry(join(place, "g")),
    openDocker(join(place, "d"), "runc"),
    openPodman(join(place, "p"), runtime),
  ];
  const rows: Record<Part, Row[]> = { all: [], containers: [], images: [], api: [], build: [] };
  try {
    for (const engine of engines) await engine.start();
    // Before anything else: memory is counted above that of engines which have done nothing yet.
    if (parts.includes("images")) rows.images = await measureImages(place, engines);
    if (parts.includes("containers")) rows.containers = await measureLives(place, engines);
    if (parts.includes("api")) rows.api = await measureApi(place, engines);
    if (parts.includes("build")) rows.build = await measureBuilds(place, engines);
    if (parts.some((part) => !["images", "containers", "api", "build"].includes(part)))
      rows.all = await measureContainers(place, engines);
  } finally {
    for (const engine of engines) await engine.stop().catch((error) => console.error(`bench: ${error}`));
  }
  printReport(rows, runtime);
  if (options.save) saveReport(rows, runtime);
}

async function measureContainers(place: string, engines: readonly Engine[]): Promise<Row[]> {
  const workplace: Workplace = { engines, rounds: Number(options.rounds), archive: join(place, "debian-image.tar") };
  const rootfs = makeBusyboxRootfs(place);
  for (const engine of engines) engine.importRootfs(rootfs, image);
  const rows: Row[] = [];
  if (parts.includes("commands")) rows.push(...(await commandRows(workplace)));
  if (parts.includes("twenty")) rows.push(...(await twentyRows(workplace)));
  if (parts.includes("load")) {
    makeDebianArchive(place, engines[1] as Engine, workplace.archive);
    rows.push(await loadRow(workplace));
  }
  if (parts.includes("logs")) rows.push(...(await logRows(workplace)));
  if (parts.includes("dashboard")) rows.push(...(await dashboardRows(engines[0] as Engine)));
  return rows;
}

/** Lives of containers, by the engines' APIs. */
async function measureLives(place: string, engines: readonly Engine[]): Promise<Row[]> {
  const isWanted = (name: string) => only === null || only.includes(name);
  const rootfs = makeBusyboxRootfs(place);
  for (const engine of engines) engine.importRootfs(rootfs, image);
  if (isWanted("requests")) {
    const server = makeServerRootfs(place);
    for (const engine of engines) engine.importRootfs(server, serverImage);
  }
  const [gantry, docker, podman] = engines as [Engine, Engine, Engine];
  using ours = await openGantryApi(gantry.socket, join(place, "g"));
  using dockers = openDockerApi("docker", docker.socket);
  using podmans = openDockerApi("podman", podman.socket);
  const rounds = Number(options.rounds);
  return await containerRows({ engines, apis: [ours, dockers, podmans], rounds, isWanted });
}

/** docker's own command line, at Gantry's socket and at docker's. */
async function measureApi(place: string, engines: readonly Engine[]): Promise<Row[]> {
  const [gantry, docker] = engines as [Engine, Engine];
  const socket = join(place, "g/run/docker.sock");
  const ours: Engine = { ...gantry, cli: (...args) => ["docker", "-H", `unix://${socket}`, ...args] };
  const rootfs = makeBusyboxRootfs(place);
  for (const engine of [ours, docker]) engine.importRootfs(rootfs, image);
  const archive = join(place, "debian-image.tar");
  makeDebianArchive(place, docker, archive);
  const storage = join(place, "registry");
  mkdirSync(storage);
  const registry = new BenchRegistry(storage, 5000);
  await registry.start();
  try {
    const pullable = `${registry.address}/bench/debian:1`;
    runCommand(["skopeo", "copy", "--dest-tls-verify=false", `docker-archive:${archive}`, `docker://${pullable}`]);
    const workplace: ApiWorkplace = {
      engines: [ours, docker],
      rounds: Number(options.rounds),
      directory: place,
      archive,
      pullable,
      isWanted: (name) => only === null || only.includes(name),
    };
    return await apiRows(workplace);
  } finally {
    await registry.stop();
  }
}

/** The same Dockerfiles by four builders. */
async function measureBuilds(place: string, engines: readonly Engine[]): Promise<Row[]> {
  const rootfs = makeBusyboxRootfs(place);
  for (const engine of engines) engine.importRootfs(rootfs, image);
  const isWanted = (name: string) => only === null || only.includes(name);
  return await buildRows({ engines, rounds: Number(options.rounds), directory: join(place, "g"), isWanted, runtime });
}

async function measureImages(place: string, engines: readonly Engine[]): Promise<Row[]> {
  const [gantry, docker, podman] = engines as [Engine, Engine, Engine];
  const ours = gantryImages(gantry, join(place, "g"));
  const all = [ours, dockerImages(docker, join(place, "d")), podmanImages(podman), skopeoImages(join(place, "s"))];
  const rounds = Math.min(Number(options.rounds), 5);
  await using workplace = await openImageWorkplace(place, join(place, debianRootfs), { engines: all, rounds });
  return [...(await imageRows(workplace)), await dashboardKeyRow(gantry, ours, workplace)];
}

/** crun takes cgroups v1 only where no cgroup2 hierarchy beside them holds a controller: in our mount namespace there is none. */
function leaveUnifiedOut(): void {
  const unified = "/sys/fs/cgroup/unified";
  if (existsSync(unified)) runCommand(["umount", unified]);
}

/** podman and skopeo unpack large files by way of /var/tmp, and podman knows from the host which registry has which blob. */
function keepPodmanToItsDisk(directory: string): void {
  for (const path of ["/var/tmp", "/var/lib/containers"]) {
    const own = join(directory, path.replaceAll("/", "_"));
    mkdirSync(own);
    mkdirSync(path, { recursive: true });
    runCommand(["mount", "--bind", own, path]);
  }
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
  for (const name of ["sh", "true", "sleep", "seq", "cat", "echo", "httpd", "yes", "mkdir"])
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
