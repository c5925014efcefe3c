import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import { connectEngine, type EngineClient } from "../../src/client/connection.ts";
import { engineEnvironment } from "../../src/client/start-engine.ts";

const program = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
const clock = fileURLToPath(new URL("clock.mjs", import.meta.url));
/** Megabytes of the file system that the engine's root is on. */
const diskSize = 160;
/** Milliseconds in which an engine must be ready, on a busy machine. */
const startPatience = 30_000;

/**
 * An engine in the network, mount and pid namespaces of this process, with a small file system of its own and a clock of its own. Nothing
 * in there is anybody else's: main.ts made them.
 */
export class ChaosHost {
  readonly config: EngineConfig;
  readonly #directory: string;
  #engine: ChildProcess | null = null;
  #said = "";
  #isToEnd = false;
  readonly #crashes: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    this.config = createConfig({ root: join(directory, "root"), run: join(directory, "run") });
  }

  prepare(): void {
    const disk = join(this.#directory, "disk");
    mkdirSync(this.config.root, { recursive: true });
    mkdirSync(this.config.run, { recursive: true });
    const cgroups = join(this.#directory, "cgroups");
    mkdirSync(cgroups);
    // A sysfs shows the links of the namespace that it was mounted in.
    this.shell(`mount --rbind /sys/fs/cgroup ${cgroups}; mount -t sysfs sysfs /sys
      mount --rbind ${cgroups} /sys/fs/cgroup; umount -l ${cgroups}; rmdir ${cgroups}; ip link set lo up
      truncate -s ${diskSize}M ${disk}; mkfs.ext4 -q -O ^has_journal ${disk}; mount -o loop ${disk} ${this.config.root}`);
    this.jumpClock(0);
  }

  get pid(): number {
    return this.#engine?.pid ?? 0;
  }

  get isUp(): boolean {
    return this.#engine !== null && this.#engine.exitCode === null && this.#engine.signalCode === null;
  }

  /** Starts the engine; a finding where it does not come up. */
  async start(): Promise<string | null> {
    const { root, run } = this.config;
    const args = ["--import", clock, program, "serve", "--ready-fd", "3", "--root", root, "--run", run];
    const env = { ...engineEnvironment(process.env), GANTRY_TEST_CLOCK: this.#clockFile };
    const engine = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe", "pipe"], env, cwd: "/" });
    this.#engine = engine;
    this.#isToEnd = false;
    this.#said = "";
    engine.once("exit", (code, signalName) => {
      if (!this.#isToEnd) this.#crashes.push(`the engine ended by itself (${code ?? signalName}): ${this.#said}`);
    });
    engine.stderr?.on("data", (data) => {
      this.#said += data;
    });
    const late = new AbortController();
    const ready = engine.stdio[3] as NodeJS.ReadableStream;
    const isReady = once(ready, "data", { signal: late.signal }).then(
      () => "ready",
      () => "cut",
    );
    const first = await Promise.race([
      isReady,
      once(engine, "exit"),
      sleep(startPatience, "late", { signal: late.signal }),
    ]);
    late.abort();
    if (first === "ready" || this.#isToEnd) return null;
    if (first === "late") return `the engine is not ready after ${startPatience / 1000} s`;
    return `the engine did not start: ${this.#said}`;
  }

  connect(name: string): Promise<EngineClient> {
    return connectEngine({ socket: this.config.socket, clientName: name });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const engine = this.#engine;
    if (engine === null || !this.isUp) return;
    this.#isToEnd = true;
    const ended = once(engine, "exit");
    engine.kill(signal);
    const patience = setTimeout(() => engine.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(patience);
  }

  /** What engines said that ended without being asked to, since the last call. */
  crashes(): string[] {
    return this.#crashes.splice(0);
  }

  /** Milliseconds by which the engine's wall clock runs before the host's. */
  jumpClock(milliseconds: number): void {
    writeFileSync(this.#clockFile, String(milliseconds));
  }

  /** Leaves no block of the engine's file system free. */
  fillDisk(): void {
    this.shell(`dd if=/dev/zero of=${this.#filler} bs=1M 2>/dev/null || true
      dd if=/dev/zero of=${this.#filler} bs=4k oflag=append conv=notrunc 2>/dev/null || true`);
  }

  freeDisk(): void {
    rmSync(this.#filler, { force: true });
  }

  bridges(): string[] {
    return readdirSync("/sys/class/net").filter((name) => existsSync(`/sys/class/net/${name}/bridge`));
  }

  hasLink(name: string): boolean {
    return existsSync(`/sys/class/net/${name}`);
  }

  shell(script: string): string {
    return execFileSync("sh", ["-ec", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  log(): string {
    try {
      return readFileSync(this.config.logFile, "utf8");
    } catch {
      return "no log";
    }
  }

  /** What the engine's process has open, by kind. */
  descriptors(): string[] {
    const directory = `/proc/${this.pid}/fd`;
    return readdirSync(directory).flatMap((fd) => {
      try {
        return [readlinkSync(join(directory, fd))];
      } catch {
        return [];
      }
    });
  }

  get #clockFile(): string {
    return join(this.#directory, "clock");
  }

  get #filler(): string {
    return join(this.config.root, "filler");
  }
}

export type Process = { readonly pid: number; readonly name: string; readonly argv: readonly string[] };

/** All of this pid namespace, so all ours. Kernel threads and those that end just now are left out. */
export function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
        const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return [{ pid: Number(pid), name, argv }];
      } catch {
        return [];
      }
    });
}

/** All processes with what they wait for, for whoever has to find out why one hangs. */
export function snapshot(): string {
  const lines = processes().map(({ pid, name, argv }) => {
    const read = (file: string) =>
      execFileSync("sh", ["-c", `cat /proc/${pid}/${file} 2>/dev/null || true`], { encoding: "utf8" });
    const stack = /runc|conmon|nft|^ip$/.test(name) ? `\n${read("stack")}${read("syscall")}` : "";
    return `${pid} ${name} ${read("wchan")} ${argv.slice(0, 9).join(" ")}${stack}`;
  });
  return lines.join("\n");
}

/** False where it is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
