import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { GantryEngine } from "./engines.ts";

/** Stands in for Docker Hub. */
export type Mirror = {
  readonly url: string;
  /** `host:port` */
  readonly address: string;
  stop(): Promise<void>;
};

/** What the tests pull. All are busybox, which is all that they need of each. */
const images = [
  "busybox:latest",
  "busybox:1.31.0-uclibc",
  "busybox:1.27.2",
  "busybox:1.27.0.2",
  "alpine:latest",
  "alpine:3.10.1",
  "alpine:3.12",
  "nginx:latest",
];

/** Debian's docker-registry on loopback. */
export async function startMirror(directory: string): Promise<Mirror> {
  const address = "127.0.0.1:5000";
  mkdirSync(directory, { recursive: true });
  const config = join(directory, "config.json");
  const storage = { filesystem: { rootdirectory: join(directory, "storage") } };
  writeFileSync(config, JSON.stringify({ version: "0.1", log: { level: "error" }, storage, http: { addr: address } }));
  const registry = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  for (let tries = 0; !(await answers(`http://${address}/v2/`)); tries += 1) {
    if (tries > 100 || registry.exitCode !== null) throw new Error("docker-registry does not start");
    await sleep(100);
  }
  return {
    url: `http://${address}`,
    address,
    async stop() {
      registry.kill("SIGTERM");
      if (registry.exitCode === null) await once(registry, "exit");
    },
  };
}

/** Different images under different names: each has a label of its own. */
export async function fillRegistry(engine: GantryEngine, mirror: Mirror, directory: string): Promise<void> {
  await engine.start();
  try {
    const container = engine.run("create", "gantry/busybox").trim();
    const users = join(directory, "passwd");
    writeFileSync(users, "root:x:0:0:root:/root:/bin/sh\noperator:x:37:37:Operator:/var:/bin/false\n");
    engine.run("cp", users, `${container}:/etc/passwd`);
    for (const image of images) {
      const name = `${mirror.address}/library/${image}`;
      // The tests run commands in nginx, without one of their own for it.
      const command = image.startsWith("nginx") ? ["sleep", "86400"] : ["sh"];
      const changes = [`CMD ${JSON.stringify(command)}`, `LABEL org.opencontainers.image.ref.name=${image}`];
      engine.run("commit", ...changes.flatMap((change) => ["--change", change]), container, name);
      engine.run("push", "--quiet", name);
    }
  } finally {
    await engine.stop();
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
