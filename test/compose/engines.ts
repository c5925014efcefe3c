import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Mirror } from "./registry.ts";

const launcher = join(import.meta.dirname, "../../bin/gantry");

/** An engine that serves docker's API on a socket of its own. */
export type ComposeEngine = {
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type GantryEngine = ComposeEngine & { readonly run: (...args: string[]) => string };

export function openGantry(directory: string, mirror: Mirror): GantryEngine {
  const settings = join(directory, "settings");
  const environment = {
    ...process.env,
    GANTRY_ROOT: join(directory, "root"),
    GANTRY_RUN: join(directory, "run"),
    GANTRY_SETTINGS: settings,
  };
  const run = (...args: string[]) => execFileSync(launcher, args, { env: environment, encoding: "utf8" });
  return {
    run,
    socket: join(directory, "run/docker.sock"),
    async start() {
      mkdirSync(settings, { recursive: true });
      writeFileSync(join(settings, "engine.json"), JSON.stringify({ "registry-mirrors": [mirror.url] }));
      run("engine", "start");
    },
    async stop() {
      run("engine", "stop");
      run("engine", "purge", "--force");
    },
  };
}

/** Debian's, for comparison. */
export function openDockerd(directory: string, mirror: Mirror): ComposeEngine {
  const socket = join(directory, "docker.sock");
  const pidFile = join(directory, "pid");
  let daemon: ChildProcess | null = null;
  return {
    socket,
    async start() {
      mkdirSync(directory, { recursive: true });
      const log = openSync(join(directory, "log"), "a");
      const places = [
        "--data-root",
        join(directory, "data"),
        "--exec-root",
        join(directory, "exec"),
        "--pidfile",
        pidFile,
      ];
      const args = [...places, "-H", `unix://${socket}`, "--registry-mirror", mirror.url];
      daemon = spawn("dockerd", args, { stdio: ["ignore", log, log] });
      for (let tries = 0; !existsSync(socket); tries += 1) {
        if (tries > 300 || daemon.exitCode !== null) throw new Error(`dockerd does not start: see ${directory}/log`);
        await sleep(100);
      }
    },
    async stop() {
      if (daemon === null || daemon.exitCode !== null) return;
      daemon.kill("SIGTERM");
      await once(daemon, "exit");
    },
  };
}
