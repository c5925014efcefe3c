import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { pidsOf, runCommand, sleep } from "./measure.ts";

/** One engine under test, with state of its own under `directory`. */
export type Engine = {
  readonly name: string;
  /** argv of its command line with the given arguments. */
  cli(...args: string[]): string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  importRootfs(tar: string, name: string): void;
  /** Creates and starts a container on a bridge with one published port by its API; gives milliseconds of both together. */
  createAndStart(name: string, hostPort: number): Promise<number>;
  /** Its API's socket. */
  readonly socket: string;
  /** Pids of its long-lived processes, without the monitors of single containers. */
  daemonPids(): number[];
};

export const image = "bench/busybox";

export function openDocker(directory: string, runtime: string): Engine {
  const socket = join(directory, "docker.sock");
  let daemon: ChildProcess | null = null;
  const cli = (...args: string[]) => ["docker", "-H", `unix://${socket}`, ...args];
  return {
    name: "docker",
    socket,
    cli,
    async start() {
      mkdirSync(directory, { recursive: true });
      const args = [
        "--data-root",
        join(directory, "data"),
        "--exec-root",
        join(directory, "exec"),
        "-H",
        `unix://${socket}`,
      ];
      daemon = spawn("dockerd", [...args, "--pidfile", join(directory, "pid"), "--default-runtime", runtime], {
        stdio: "ignore",
      });
      await until(() => runCommand(cli("version")));
    },
    async stop() {
      daemon?.kill("SIGTERM");
      await sleep(1500);
    },
    importRootfs: (tar, name) => void runCommand(cli("import", "-c", 'CMD ["sh"]', tar, name)),
    createAndStart: (name, hostPort) => dockerApi(socket, "/v1.41", name, hostPort),
    daemonPids: () => pidsOf(/(^|\/)(dockerd|containerd) /),
  };
}

export function openPodman(directory: string, runtime: string): Engine {
  const socket = join(directory, "podman.sock");
  const base = [
    "podman",
    "--root",
    join(directory, "root"),
    "--runroot",
    join(directory, "run"),
    "--tmpdir",
    join(directory, "tmp"),
  ];
  const cli = (...args: string[]) => [...base, "--runtime", runtime, ...args];
  let service: ChildProcess | null = null;
  return {
    name: "podman",
    socket,
    cli,
    async start() {
      mkdirSync(directory, { recursive: true });
      const file = join(directory, "containers.conf");
      // podman asks for limits that a machine without CAP_SYS_RESOURCE refuses.
      const limits = 'default_ulimits=["nofile=1024:4096","nproc=1024:4096"]';
      writeFileSync(
        file,
        `[containers]\n${limits}\n[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\n[network]\nnetwork_backend="netavark"\n`,
      );
      process.env.CONTAINERS_CONF = file;
      const [program = "", ...args] = cli("system", "service", "-t", "0", `unix://${socket}`);
      service = spawn(program, args, { stdio: "ignore" });
      await until(() => runCommand(["curl", "-sf", "--unix-socket", socket, "http://d/_ping"]));
    },
    async stop() {
      service?.kill("SIGTERM");
      await sleep(500);
    },
    importRootfs: (tar, name) => void runCommand(cli("import", "-c", 'CMD ["sh"]', tar, name)),
    createAndStart: (name, hostPort) => dockerApi(socket, "/v1.41", name, hostPort),
    daemonPids: () => (service?.pid === undefined ? [] : [service.pid]),
  };
}

export async function until(attempt: () => unknown, milliseconds = 20_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

async function dockerApi(socket: string, version: string, name: string, hostPort: number): Promise<number> {
  const body = {
    Image: image,
    Cmd: ["sleep", "600"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: {
      PortBindings: { "80/tcp": [{ HostPort: String(hostPort) }] },
      // podman's service takes no defaults from containers.conf and asks for more than such a machine allows.
      Ulimits: [
        { Name: "nofile", Soft: 1024, Hard: 4096 },
        { Name: "nproc", Soft: 1024, Hard: 4096 },
      ],
    },
  };
  const from = performance.now();
  const created = await post(socket, `${version}/containers/create?name=${name}`, body);
  await post(socket, `${version}/containers/${created.Id}/start`, {});
  return performance.now() - from;
}

function post(socketPath: string, path: string, body: unknown): Promise<{ Id?: string }> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const sent = request({ socketPath, path, method: "POST", headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const answer = Buffer.concat(chunks).toString();
      if ((response.statusCode ?? 500) >= 300) reject(new Error(`${path}: ${answer}`));
      else resolve(answer === "" ? {} : JSON.parse(answer));
    });
    sent.once("error", reject);
    sent.end(text);
  });
}
