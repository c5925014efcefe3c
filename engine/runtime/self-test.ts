import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import { openCgroups } from "../host/cgroups.ts";
import { tryCommand } from "../host/commands.ts";
import { readBootID } from "../host/processes.ts";
import { findProgram } from "../host/programs.ts";
import { type RuntimeName, RuntimeProgram, runtimeNames } from "./runtime-program.ts";

const answerSchema = z.object({ bootID: z.string(), key: z.string(), works: z.boolean() });

/**
 * crun where it works, since it is faster; else runc. crun refuses some hosts (cgroups v1 beside a cgroup2 that holds controllers),
 * so it is tried once a boot: a container is created and thrown away.
 */
export async function chooseRuntime(config: EngineConfig, preferred: RuntimeName | undefined): Promise<RuntimeProgram> {
  if (preferred !== undefined) {
    const program = new RuntimeProgram(preferred, config.run);
    if (findProgram(preferred) === null) throw missing(preferred);
    return program;
  }
  const installed = runtimeNames.filter((name) => findProgram(name) !== null);
  if (installed.length === 0) throw missing("runc");
  if (installed.includes("crun")) {
    const crun = new RuntimeProgram("crun", config.run);
    if (await worksOnThisHost(config, crun)) return crun;
    if (!installed.includes("runc")) throw missing("runc");
  }
  return new RuntimeProgram("runc", config.run);
}

async function worksOnThisHost(config: EngineConfig, program: RuntimeProgram): Promise<boolean> {
  const { mtimeMs, size } = await stat(program.path);
  // What is mounted may change without a reboot, and with it the answer.
  const key = `${program.path} ${mtimeMs} ${size} ${JSON.stringify(openCgroups().hierarchies)}`;
  const answerPath = join(config.run, `self-test-${program.name}.json`);
  const known = answerSchema.safeParse(
    await readFile(answerPath, "utf8")
      .then(JSON.parse)
      .catch(() => null),
  );
  if (known.success && known.data.bootID === readBootID() && known.data.key === key) return known.data.works;
  const works = await tryContainer(config, program);
  await writeFile(`${answerPath}.new`, JSON.stringify({ bootID: readBootID(), key, works }));
  await rename(`${answerPath}.new`, answerPath);
  return works;
}

async function tryContainer(config: EngineConfig, program: RuntimeProgram): Promise<boolean> {
  const bundle = await mkdtemp(join(tmpdir(), "gantry-self-test-"));
  const id = `self-test-${process.pid}`;
  const call = (...args: string[]) => tryCommand(program.name, ["--root", bundle, ...args], { timeout: 5000 });
  try {
    await mkdir(join(bundle, "rootfs"));
    await writeFile(join(bundle, "config.json"), JSON.stringify(trialSpec(`/${config.names.cgroupParent}/${id}`)));
    // `create` leaves a process behind that keeps our pipes: its output goes to a file.
    const created = await tryCommand(
      "sh",
      ["-c", 'exec "$0" --root "$1" create --bundle "$1" "$2" </dev/null >"$1/out" 2>&1', program.path, bundle, id],
      { timeout: 5000 },
    );
    return created.exitCode === 0;
  } catch {
    return false;
  } finally {
    await call("delete", "--force", id).catch(() => {});
    await rm(bundle, { recursive: true, force: true });
  }
}

/** Never started: any executable file will do, since its interpreter is not looked for. */
function trialSpec(cgroupsPath: string): Record<string, unknown> {
  return {
    ociVersion: "1.0.2",
    root: { path: "rootfs", readonly: true },
    process: { user: { uid: 0, gid: 0 }, args: ["/trial"], cwd: "/", env: ["PATH=/"] },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      // crun makes the usual devices in any case.
      { destination: "/dev", type: "tmpfs", source: "tmpfs" },
      { destination: "/trial", type: "bind", source: process.execPath, options: ["bind", "ro"] },
    ],
    linux: {
      namespaces: [{ type: "mount" }, { type: "pid" }, { type: "ipc" }, { type: "uts" }],
      cgroupsPath,
      resources: { pids: { limit: 64 } },
    },
  };
}

function missing(name: string): EngineError {
  return new EngineError("failed-precondition", `no usable container runtime: ${name} is not installed`, {
    hint: "run `gantry engine doctor`: it names the package to install",
    exitCode: 125,
  });
}
