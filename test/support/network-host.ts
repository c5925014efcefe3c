/**
 * A host of its own for network tests: started by netns.ts under `unshare -m -n`, it opens network services of the product, runs
 * commands in network namespaces, and takes everything with it when it ends. Speaks Node's IPC with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createConfig } from "../../engine/config.ts";
import { type Database, openDatabase } from "../../engine/database/database.ts";
import { EngineError, messageOf } from "../../engine/errors.ts";
import { openNetworkService } from "../../engine/networks/local-network-service.ts";
import type { NetworkService, Sandbox, SandboxRequest } from "../../engine/networks/network-service.ts";
import { removeHostNetwork } from "../../engine/networks/remove-network.ts";
import type { EndpointSettings } from "../../engine/protocol/create-request.ts";
import type { CreateNetworkRequest } from "../../engine/protocol/networks.ts";
import { purge } from "../../engine/purge.ts";
import { openTestRuntime } from "./runtime-bundle.ts";

export type CommandResult = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

type Engine = { readonly service: NetworkService; readonly database: Database };

const engines = new Map<string, Engine>();
const children = new Set<ChildProcess>();

const commands = {
  async open(directory: string, options: { poolSize?: number; guardInterval?: number } = {}) {
    const config = configOf(directory);
    mkdirSync(config.root, { recursive: true });
    mkdirSync(config.run, { recursive: true });
    const database = openDatabase(join(config.root, "gantry.db"));
    database.exec(
      "INSERT OR IGNORE INTO images VALUES ('sha256:test', NULL, '2026-01-01T00:00:00Z', 'amd64', 'linux', '2026-01-01T00:00:00Z')",
    );
    const failures = (doing: string, error: unknown) => process.stderr.write(`${doing}: ${messageOf(error)}\n`);
    const service = await openNetworkService({
      config,
      database,
      guardInterval: 0,
      ...options,
      onBackgroundFailure: failures,
    });
    engines.set(directory, { service, database });
    return config.names;
  },
  async connect(directory: string, request: Partial<SandboxRequest> & { container: string }) {
    const { service, database } = engineOf(directory);
    database
      .prepare("INSERT OR IGNORE INTO containers VALUES (?, ?, 'sha256:test', '2026-01-01T00:00:00Z', '{}', '{}')")
      .run(request.container, request.container);
    const begin = performance.now();
    const full = {
      containerName: request.container,
      hostname: request.container,
      mode: "networks",
      endpoints: [{ network: "bridge", settings: { aliases: [] } }],
      ports: [],
      ...request,
    };
    const { sandbox, establish } = await service.reserve(full);
    try {
      await establish();
    } catch (error) {
      await service.release(request.container);
      throw error;
    }
    return { ...flat(sandbox), milliseconds: performance.now() - begin };
  },
  async find(directory: string, container: string) {
    const sandbox = engineOf(directory).service.find(container);
    return sandbox === null ? null : flat(sandbox);
  },
  async disconnect(directory: string, container: string) {
    await engineOf(directory).service.release(container);
  },
  async create(directory: string, request: Partial<CreateNetworkRequest> & { name: string }) {
    const full: CreateNetworkRequest = {
      driver: "bridge",
      subnets: [],
      internal: false,
      enableIPv6: false,
      labels: {},
      options: {},
      ...request,
    };
    return engineOf(directory).service.create(full);
  },
  async removeNetwork(directory: string, network: string) {
    return engineOf(directory).service.remove(network);
  },
  async attach(directory: string, container: string, network: string, settings: Partial<EndpointSettings> = {}) {
    return engineOf(directory).service.attach(container, { network, settings: { aliases: [], ...settings } });
  },
  async detach(directory: string, container: string, network: string, force = false) {
    await engineOf(directory).service.detach(container, network, { force });
  },
  async rename(directory: string, container: string, name: string) {
    engineOf(directory).service.rename(container, name);
  },
  async list(directory: string) {
    return [...engineOf(directory).service.list()];
  },
  async fsck(directory: string, repair: boolean) {
    return engineOf(directory).service.fsck(repair);
  },
  async reload(directory: string) {
    await engineOf(directory).service.reload();
  },
  async restore(directory: string, containers: string[]) {
    await engineOf(directory).service.restore(containers);
  },
  async close(directory: string) {
    const { service, database } = engineOf(directory);
    await service[Symbol.asyncDispose]();
    database.close();
    engines.delete(directory);
  },
  /** As if the engine were killed: nothing is given back. */
  async abandon(directory: string) {
    engineOf(directory).database.close();
    engines.delete(directory);
  },
  async removeAll(directory: string) {
    await engineOf(directory).service.removeAll();
  },
  async removeHostNetwork(directory: string) {
    return removeHostNetwork(configOf(directory));
  },
  /** A container that sleeps, under a conmon; gives conmon's pid. */
  async runContainer(directory: string, id: string) {
    const { runtime, create } = await openTestRuntime(directory);
    await create(id, { command: ["sleep", "1000"] });
    await runtime.start(id);
    const { run } = configOf(directory);
    return readFileSync(join(run, "supervisors", id, "conmon.pid"), "utf8").trim();
  },
  async purge(directory: string) {
    return purge(configOf(directory));
  },
  async exec(netns: string | null, argv: string[], input = ""): Promise<CommandResult> {
    const child = start(netns, argv);
    child.stdin?.end(input);
    const [stdout, stderr] = [child.stdout, child.stderr].map(textOf) as [Promise<string>, Promise<string>];
    const exitCode = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 137)));
    return { exitCode, stdout: await stdout, stderr: await stderr };
  },
  /** Leaves the process running; answers with its first line of output. */
  async serve(netns: string | null, argv: string[]): Promise<{ pid: number; line: string }> {
    const child = start(netns, argv);
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.once("data", (chunk) => resolve(String(chunk).trim()));
      child.once("close", () => reject(new Error(`${argv[0]} ended before it was ready`)));
      child.stderr?.pipe(process.stderr);
    });
    return { pid: child.pid ?? 0, line };
  },
  async end(pid: number) {
    const child = [...children].find((one) => one.pid === pid);
    const gone = new Promise((resolve) => child?.once("close", resolve));
    child?.kill("SIGKILL");
    await gone;
  },
};

export type HostCommands = typeof commands;

/** A sandbox with the addresses of its first endpoint at hand. */
function flat(sandbox: Sandbox) {
  const { ipAddress = null, gateway = null, hostInterfaceName: interfaceName = null } = sandbox.endpoints[0] ?? {};
  return { ...sandbox, ipAddress, gateway, interfaceName };
}

function configOf(directory: string) {
  return createConfig({ root: join(directory, "root"), run: join(directory, "run") });
}

function engineOf(directory: string): Engine {
  const engine = engines.get(directory);
  if (engine === undefined) throw new Error(`no engine for ${directory}`);
  return engine;
}

function start(netns: string | null, argv: readonly string[]): ChildProcess {
  const [program = "", ...args] = netns === null ? argv : ["nsenter", `--net=${netns}`, ...argv];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.on("error", () => {});
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

process.on("message", async (message: { id: number; name: keyof HostCommands; args: unknown[] }) => {
  try {
    const command = commands[message.name] as (...args: unknown[]) => Promise<unknown>;
    process.send?.({ id: message.id, result: await command(...message.args) });
  } catch (error) {
    const code = error instanceof EngineError ? error.code : null;
    const hint = error instanceof EngineError ? error.hint : null;
    process.send?.({ id: message.id, error: { message: messageOf(error), code, hint } });
  }
});
process.on("disconnect", () => {
  for (const child of children) child.kill("SIGKILL");
  process.exit(0);
});
process.send?.({ id: 0 });
