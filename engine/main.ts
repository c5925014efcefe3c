import { randomUUID } from "node:crypto";
import { chmodSync, closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { BuildCache } from "./builder/cache/build-cache.ts";
import { readKeepStorage } from "./builder/cache/keep-storage.ts";
import { openBuildCache } from "./builder/cache/local-build-cache.ts";
import { openBuildService } from "./builder/open-build-service.ts";
import { checkConfig, createConfig, type EngineConfig, engineVersion } from "./config.ts";
import type { ContainerService } from "./containers/container-service.ts";
import { endWithHost, type Leaving } from "./containers/end-with-host.ts";
import { openContainerService } from "./containers/local-container-service.ts";
import { openBlobStore } from "./content/file-blob-store.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { createDockerServer, type DockerServerOptions } from "./docker-api/docker-server.ts";
import { planDockerSocket } from "./docker-api/docker-settings.ts";
import { EngineError, messageOf } from "./errors.ts";
import { EventBus } from "./events/event-bus.ts";
import { EventHistory } from "./events/event-history.ts";
import { Operations } from "./events/operations.ts";
import { openCgroups } from "./host/cgroups.ts";
import { isHostGoingDown } from "./host/going-down.ts";
import { closeInheritedDescriptors } from "./host/inherited-descriptors.ts";
import { ensureOwnDirectory } from "./host/own-directory.ts";
import { shrinkAtRest } from "./host/shrink-at-rest.ts";
import { exitNow, keepHeapsSmall } from "./host/syscalls.ts";
import type { ImageService } from "./images/image-service.ts";
import { openImageService } from "./images/local-image-service.ts";
import { openPolicy } from "./images/policy.ts";
import { ensureStarterImage } from "./images/starter-image.ts";
import { type FileBrowser, openFileBrowser } from "./layers/files/file-browser.ts";
import type { LayerStore } from "./layers/layer-store.ts";
import { openLayerStore } from "./layers/overlay-layer-store.ts";
import { type Log, openLog } from "./log.ts";
import { openLogReader } from "./logs/file-log-reader.ts";
import { openStatsSampler } from "./metrics/cgroup-stats-sampler.ts";
import { openNetworkService } from "./networks/local-network-service.ts";
import { openRegistryClient } from "./registry/distribution-client.ts";
import { openContainerRuntime } from "./runtime/conmon-runtime.ts";
import { lockEngine } from "./server/engine-lock.ts";
import type { ServerParts } from "./server/parts.ts";
import { createServer } from "./server/server.ts";
import { openVolumeService } from "./volumes/local-volume-service.ts";

/** sysexits(3): EX_USAGE, EX_SOFTWARE. */
const exitUsage = 64;
const exitSoftware = 70;

/** Milliseconds for acts under way to end after the engine was told to stop. */
const stopPatience = 10_000;
/** Milliseconds for what was written to clients to leave, once all is closed. */
const lingerPatience = 1_000;
/** Milliseconds the first clients of a fresh root wait for its starter image. */
const starterPatience = 3_000;

const usage = `usage: engine <command> [--root DIR] [--run DIR]
  serve [--foreground] [--ready-fd N] [--docker-socket PATH|on|off]
                                        run the engine until SIGTERM; containers go on without it
  doctor [--json]                       check what this host can do
  purge [--force]                       remove every trace of this root and run directory`;

type Flags = ReturnType<typeof parseFlags>["values"];

function parseFlags(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      root: { type: "string" },
      run: { type: "string" },
      foreground: { type: "boolean" },
      "ready-fd": { type: "string" },
      "docker-socket": { type: "string" },
      json: { type: "boolean" },
      force: { type: "boolean" },
    },
  });
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseFlags(args);
  const config = createConfig({ root: values.root, run: values.run });
  switch (positionals[0]) {
    case "serve":
      return serve(config, values);
    case "doctor":
      return doctor(config, values);
    case "purge":
      return purgeEngine(config, values);
    default:
      console.error(usage);
      return exitUsage;
  }
}

/** Resolves when the engine was asked to stop and has. */
async function serve(config: EngineConfig, flags: Flags): Promise<number> {
  checkConfig(config);
  keepHeapsSmall();
  process.umask(0o022);
  closeInheritedDescriptors(flags["ready-fd"] === undefined ? [] : [Number(flags["ready-fd"])]);
  ensureOwnDirectory(config.root, 0o711);
  ensureOwnDirectory(config.run, 0o755);
  // Others may reach the socket, if its own mode lets them.
  chmodSync(config.run, 0o755);
  using _lock = lockEngine(config);
  using log = openLog(config.logFile, flags.foreground ? { mirror: (line) => writeSync(2, line) } : {});
  const stop = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.resolve(signal));
  process.on("SIGHUP", () => {});
  // Node's answer is to open a debugger's TCP port, by which any local user could become root.
  process.on("SIGUSR1", () => {});
  for (const kind of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(kind, (error) => {
      log.error(`the engine failed: ${messageOf(error)}`, { error });
      exitNow(exitSoftware);
    });
  }
  log.info("engine starts", { version: engineVersion, pid: process.pid, root: config.root, run: config.run });
  try {
    const leaving = await runEngine(config, { flags, log, stop });
    if (leaving.length > 0) log.info("the host goes down, and containers with it", { count: leaving.length });
    await endWithHost(leaving);
  } catch (error) {
    log.error(`the engine did not start: ${messageOf(error)}`, { error });
    throw error;
  }
  // Something may wait for a disk that never answers.
  setTimeout(() => exitNow(0), lingerPatience).unref();
  return 0;
}

type Running = { readonly flags: Flags; readonly log: Log; readonly stop: PromiseWithResolvers<string> };

/** Until it was asked to stop and is closed. Gives the containers that are to end with the host; none where only the engine ends. */
async function runEngine(config: EngineConfig, { flags, log, stop }: Running): Promise<readonly Leaving[]> {
  let timer: NodeJS.Timeout | undefined;
  using _closed = { [Symbol.dispose]: () => clearTimeout(timer) };
  const docker = await planDockerSocket(config, { flag: flags["docker-socket"], log });
  await using engine = await openEngine(config, { log, docker, shutdown: () => stop.resolve("request") });
  log.info("engine is ready", { milliseconds: Math.round(performance.now()) });
  tellReady(flags);
  using _shrinking = shrinkAtRest();
  log.info("engine stops", { reason: await stop.promise });
  // A runtime that hangs must not keep the engine from ending; the next start takes up what it left.
  timer = setTimeout(() => exitNow(0), stopPatience).unref();
  return (await isHostGoingDown()) ? await engine.containers.leaving() : [];
}

type Opening = { readonly log: Log; readonly docker: DockerServerOptions | null; readonly shutdown: () => void };

/** Opens everything, lowest first; disposing closes it in the other order and leaves containers running. */
async function openEngine(
  config: EngineConfig,
  { log, docker, shutdown }: Opening,
): Promise<AsyncDisposable & { readonly containers: ContainerService }> {
  await using opening = new AsyncDisposableStack();
  const database = opening.adopt(openOwnDatabase(config), (opened) => opened.close());
  const events = new EventBus(opening.use(new EventHistory(join(config.root, "events.log"))));
  const operations = new Operations();
  const [blobs, layers, runtime, volumes, networks] = await Promise.all([
    openBlobStore(config.root),
    openLayerStore({ root: config.root }).then((opened) => opening.use(opened)),
    openContainerRuntime({ config }).then((opened) => opening.use(opened)),
    openVolumeService({ config, database, events, log }).then((opened) => opening.use(opened)),
    openNetworkService({
      config,
      database,
      events,
      onBackgroundFailure: (doing, error) => log.warning(`network: ${doing} failed`, { error }),
    }).then((opened) => opening.use(opened)),
  ]);
  if (runtime.knownEscapes !== null) log.warning(runtime.knownEscapes);
  const registries = opening.use(openRegistryClient({ settings: config.settings, environment: process.env }));
  const policy = openPolicy(join(config.settings, "policy.json"));
  const cache = opening.use(await openCache(config, { database, layers }));
  const alsoNeeded = () => cache.chains();
  const stores = { database, blobs, layers, operations, events, registries, policy, alsoNeeded };
  const images = await openImageService(stores);
  const files = opening.use(await openFiles(config, { images, layers }));
  const cgroups = openCgroups();
  const sampler = opening.use(openStatsSampler({ cgroups }));
  const containers = opening.use(
    openContainerService({ config, database, images, layers, runtime, networks, volumes, sampler, events, log }),
  );
  await containers.reconcile();
  const builds = opening.use(
    await openBuildService({ config, images, blobs, layers, cache, runtime, networks, registries, log }),
  );
  const identity = {
    epoch: randomUUID(),
    startedAt: new Date().toISOString(),
    cgroupMode: cgroups.mode,
    runtime: runtime.program,
    runtimeVersion: runtime.version,
  };
  await makeStarterImage(opening, { images, database, log });
  const parts: ServerParts = {
    config,
    identity,
    containers,
    images,
    volumes,
    networks,
    builds,
    files,
    registries,
    sampler,
    logs: openLogReader(),
    events,
    operations,
    log,
    shutdown,
  };
  // Who is let in by our own socket may go on with docker's.
  if (docker !== null) opening.use(await createDockerServer(parts, docker));
  opening.use(await createServer(parts));
  const opened = opening.move();
  return { containers, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function openOwnDatabase(config: EngineConfig): Database {
  const path = join(config.root, "gantry.db");
  // It holds the environment of containers, secrets among it. SQLite gives its other files the mode of this one.
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  return openDatabase(path);
}

/** What builds have made, before the images whose first sweep spares it. */
async function openCache(
  config: EngineConfig,
  { database, layers }: { readonly database: Database; readonly layers: LayerStore },
): Promise<BuildCache> {
  const limit = await readKeepStorage(config.settings, config.root);
  return openBuildCache({ root: config.root, database, layers, limit });
}

/** Files of layers, listed in the background as images come. */
async function openFiles(
  config: EngineConfig,
  { images, layers }: { readonly images: ImageService; readonly layers: LayerStore },
): Promise<FileBrowser> {
  const files = await openFileBrowser({ root: config.root, layers });
  const prepare = () => files.prepare(() => images.list().map(({ id }) => images.resolve(id).chain));
  images.onChange(prepare);
  prepare();
  return files;
}

/** Before anybody is let in, whose first command may want to run it; not for long, since a busy disk may take its time. */
async function makeStarterImage(
  opening: AsyncDisposableStack,
  parts: { readonly images: ImageService; readonly database: Database; readonly log: Log },
): Promise<void> {
  const abort = new AbortController();
  opening.defer(() => abort.abort());
  const work = { signal: abort.signal, onProgress: () => {} };
  const made = ensureStarterImage(parts.images, parts.database, work).catch((error) => {
    if (!abort.signal.aborted) parts.log.warning("the starter image could not be made", { error });
  });
  await Promise.race([made, sleep(starterPatience, undefined, { ref: false })]);
}

function tellReady(flags: Flags): void {
  const descriptor = flags["ready-fd"] === undefined ? (flags.foreground ? 1 : null) : Number(flags["ready-fd"]);
  if (descriptor === null) return;
  try {
    writeSync(descriptor, "ready\n");
  } catch {
    // Who asked is gone: the engine does not need him.
  }
}

async function doctor(config: EngineConfig, flags: Flags): Promise<number> {
  const { runDoctor, formatReport } = await import("./doctor/doctor.ts");
  const report = await runDoctor(config);
  console.log(flags.json ? JSON.stringify(report, null, 2) : formatReport(report));
  return report.ok ? 0 : 1;
}

async function purgeEngine(config: EngineConfig, flags: Flags): Promise<number> {
  const { purge } = await import("./purge.ts");
  for (const line of await purge(config, { force: flags.force ?? false })) console.log(`removed ${line}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const hint = error instanceof EngineError && error.hint !== null ? ` (${error.hint})` : "";
  console.error(`gantry engine: ${messageOf(error)}${hint}`);
  process.exitCode = error instanceof EngineError && error.code === "internal" ? exitSoftware : 1;
}
