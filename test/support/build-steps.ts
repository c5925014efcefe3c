import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openStepRunner } from "../../engine/builder/run/local-step-runner.ts";
import type { StepEnd, StepRunner, StepWish } from "../../engine/builder/run/step-runner.ts";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import { openDatabase } from "../../engine/database/database.ts";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { openLog } from "../../engine/log.ts";
import { openNetworkService } from "../../engine/networks/local-network-service.ts";
import type { NetworkService } from "../../engine/networks/network-service.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import { openContainerRuntime } from "../../engine/runtime/conmon-runtime.ts";
import { busyboxTar } from "./busybox-tar.ts";
import { sourceOf } from "./tar-of.ts";
import { tempRoot } from "./temp-root.ts";

export type Ran = StepEnd & { readonly out: string; readonly err: string };
export type RunOptions = Partial<StepWish> & { readonly signal?: AbortSignal; readonly shell?: string };

/** What runs a build's commands, on layers and networks of its own; nothing is left of it at the end. */
export type StepScene = {
  readonly config: EngineConfig;
  readonly layers: LayerStore;
  readonly networks: NetworkService;
  readonly runner: StepRunner;
  /** A layer of busybox with users `root` and `ann` (1000:1001). */
  readonly chain: readonly DiffID[];
  /** A fresh writable layer, mounted. */
  /** Of `chain`. */
  writable(): Promise<{ readonly key: string; readonly rootfs: string }>;
  wish(rootfs: string, options?: RunOptions): StepWish;
  /** In a fresh layer, or `rootfs`. */
  run(shell: string, options?: RunOptions): Promise<Ran>;
} & AsyncDisposable;

/** `base`: a directory that an earlier scene has left; the caller's. */
export async function openStepScene(base?: string): Promise<StepScene> {
  await using stack = new AsyncDisposableStack();
  const root = base === undefined ? stack.use(await tempRoot()) : { path: base, join: join.bind(null, base) };
  const config = createConfig({ root: root.join("root"), run: root.join("run") });
  await mkdir(config.root, { recursive: true });
  await mkdir(config.run, { recursive: true });
  const database = stack.adopt(openDatabase(join(config.root, "gantry.db")), (opened) => opened.close());
  const log = stack.use(openLog(join(config.root, "engine.log")));
  const layers = stack.use(await openLayerStore({ root: config.root }));
  const runtime = stack.use(await openContainerRuntime({ config, preferred: "runc" }));
  const networks = stack.adopt(await openNetworkService({ config, database, guardInterval: 0 }), (opened) =>
    opened.removeAll(),
  );
  await networks.restore([]);
  const runner = await openStepRunner({ config, runtime, networks, log });
  await runner.sweep();
  const tar = busyboxTar();
  const chain = [tar.diffID];
  await layers.unpack(chain, sourceOf(tar, root.path), { signal: AbortSignal.timeout(20_000) });
  stack.defer(async () => {
    for (const key of layers.listWritable()) await layers.remove(key);
  });
  const writable = async () => {
    const key = createID();
    await layers.prepare(key, chain);
    return { key, rootfs: await layers.mount(key) };
  };
  const kept = stack.move();
  return {
    config,
    layers,
    networks,
    runner,
    chain,
    writable,
    wish: wishOf,
    run: async (shell, options = {}) => {
      const rootfs = options.rootfs ?? (await writable()).rootfs;
      return runStep(runner, wishOf(rootfs, { args: ["sh", "-c", shell], ...options }), options.signal);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

export function createID(): string {
  return randomBytes(32).toString("hex");
}

async function runStep(runner: StepRunner, wish: StepWish, signal = AbortSignal.timeout(60_000)): Promise<Ran> {
  const chunks: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  const onOutput = (stream: 1 | 2, bytes: Buffer) => void chunks[stream].push(Buffer.from(bytes));
  const end = await runner.run(wish, { signal, onOutput });
  return { ...end, out: Buffer.concat(chunks[1]).toString(), err: Buffer.concat(chunks[2]).toString() };
}

function wishOf(rootfs: string, { signal: _signal, shell, ...options }: RunOptions = {}): StepWish {
  return {
    id: createID(),
    rootfs,
    args: ["sh", "-c", shell ?? "true"],
    environment: [],
    user: "",
    workingDirectory: "/",
    mounts: [],
    network: "default",
    isPrivileged: false,
    extraHosts: [],
    resources: unlimited,
    shmSize: null,
    ulimits: [],
    cgroupParent: "",
    ...options,
  };
}
