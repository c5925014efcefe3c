import { copyFileSync, existsSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import { getProgram } from "../../engine/host/programs.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { openContainerRuntime } from "../../engine/runtime/conmon-runtime.ts";
import type { AttachSession, ContainerRuntime, ExitRecord } from "../../engine/runtime/container-runtime.ts";
import { prepareSpec } from "../../engine/runtime/spec/prepare-spec.ts";

const applets =
  "sh echo cat sleep true false id stty env hostname touch ls grep wc test head tr dd kill mount seq pwd ps sync stat".split(
    " ",
  );

export type TestRuntime = {
  readonly config: EngineConfig;
  readonly runtime: ContainerRuntime;
  readonly exits: ExitRecord[];
  readonly warnings: string[];
  /** Writes a bundle and creates its container. */
  create(id: string, wishes: Partial<CreateRequest>, more?: { stdinOnce?: boolean; hooks?: unknown }): Promise<string>;
  bundleOf(id: string): string;
  exitOf(id: string): Promise<ExitRecord>;
} & AsyncDisposable;

/** A runtime of its own with a busybox file system; at the end nothing is left of it. */
export async function openTestRuntime(base?: string): Promise<TestRuntime> {
  const directory = base ?? (await mkdtemp(join(tmpdir(), "gantry-runtime-")));
  const config = createConfig({ root: join(directory, "root"), run: join(directory, "run") });
  makeRootfs(join(directory, "rootfs"));
  const runtime = await openContainerRuntime({ config });
  const exits: ExitRecord[] = [];
  const warnings: string[] = [];
  runtime.onExit((exit) => exits.push(exit));
  const bundleOf = (id: string) => join(directory, "bundles", id);
  return {
    config,
    runtime,
    exits,
    warnings,
    bundleOf,
    async create(id, wishes, more = {}) {
      const bundle = bundleOf(id);
      await mkdir(bundle, { recursive: true });
      const request = { ...emptyCreateRequest("busybox"), ...wishes };
      const cgroupsPath = `${request.cgroupParent || `/${config.names.cgroupParent}`}/${id}`;
      const prepared = await prepareSpec({
        request,
        image: { entrypoint: [], command: ["sh"], environment: [], user: "", workingDirectory: "" },
        rootfs: join(directory, "rootfs"),
        netnsPath: null,
        hostname: "box",
        cgroupsPath,
        files: { hosts: null, resolvConf: null, hostname: null },
      });
      warnings.push(...prepared.warnings);
      await writeFile(join(bundle, "config.json"), JSON.stringify({ ...prepared.spec, hooks: more.hooks }));
      const { terminal, openStdin } = request;
      const stdinOnce = more.stdinOnce ?? false;
      const cgroupPath = request.cgroupParent === "" ? undefined : cgroupsPath;
      await runtime.create({ id, bundle, terminal, openStdin, stdinOnce, logPath: join(bundle, "log"), cgroupPath });
      return bundle;
    },
    async exitOf(id) {
      await until(() => exits.some((exit) => exit.id === id), `exit of ${id}`);
      const exit = exits.find((record) => record.id === id);
      if (exit === undefined) throw new Error("unreachable");
      return exit;
    },
    async [Symbol.asyncDispose]() {
      for (const id of await runtime.list()) {
        await runtime.delete(id);
        runtime.forget(id);
      }
      await runtime[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function until(holds: () => boolean | Promise<boolean>, what: string, timeout = 10_000): Promise<void> {
  for (const deadline = Date.now() + timeout; !(await holds()); ) {
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Collects what a session says, from the beginning. */
export function listenTo(session: AttachSession): { out: () => string; err: () => string; ended: Promise<void> } {
  const chunks: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  session.onOutput((stream, bytes) => {
    chunks[stream].push(Buffer.from(bytes));
    return true;
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  session.onEnd(resolve);
  return { out: () => Buffer.concat(chunks[1]).toString(), err: () => Buffer.concat(chunks[2]).toString(), ended };
}

function makeRootfs(rootfs: string): void {
  if (existsSync(rootfs)) return;
  for (const name of ["bin", "etc", "proc", "dev", "sys", "tmp", "root", "home"]) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  const busybox = join(rootfs, "bin/busybox");
  copyFileSync(getProgram("busybox"), busybox);
  for (const applet of applets) linkSync(busybox, join(rootfs, "bin", applet));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nann:x:1001:\nstaff:x:50:ann\n");
  writeFileSync(join(rootfs, "bin/not-executable"), "x", { mode: 0o644 });
}
