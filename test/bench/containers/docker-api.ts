import { Agent, type IncomingMessage, request } from "node:http";
import { dirname } from "node:path";
import { pidsOf } from "../measure.ts";
import type { ContainerApi, Wish } from "./container-api.ts";

/** podman's service takes no defaults from containers.conf and asks for more than a machine without CAP_SYS_RESOURCE allows. */
const ulimits = [
  { Name: "nofile", Soft: 1024, Hard: 4096 },
  { Name: "nproc", Soft: 1024, Hard: 4096 },
];

/** docker's Engine API, which podman's service speaks as well. */
export function openDockerApi(name: "docker" | "podman", socketPath: string): ContainerApi {
  const agent = new Agent({ keepAlive: true });
  const send = (method: string, path: string, body?: unknown) =>
    exchange({ socketPath, agent, method, path: `/v1.41${path}` }, body);
  return {
    name,
    async create(wish) {
      const created = await send("POST", `/containers/create?name=${wish.name}`, bodyOf(wish));
      return (JSON.parse(created) as { Id: string }).Id;
    },
    start: async (id) => void (await send("POST", `/containers/${id}/start`, {})),
    async exec(id, command) {
      const made = await send("POST", `/containers/${id}/exec`, {
        Cmd: command,
        AttachStdout: true,
        AttachStderr: true,
      });
      const { Id } = JSON.parse(made) as { Id: string };
      // The answer ends with the process.
      await send("POST", `/exec/${Id}/start`, { Detach: false, Tty: false });
    },
    remove: async (id) => void (await send("DELETE", `/containers/${id}?force=1`)),
    list: async () => (JSON.parse(await send("GET", "/containers/json?all=1")) as unknown[]).length,
    async watchStats(ids) {
      // podman's service sends those of all in one answer, docker's in one each.
      const paths =
        name === "podman"
          ? ["/v4.0.0/libpod/containers/stats?stream=true&interval=1"]
          : ids.map((id) => `/v1.41/containers/${id}/stats?stream=1`);
      const answers = await Promise.all(paths.map((path) => openAnswer({ socketPath, method: "GET", path })));
      for (const answer of answers) answer.resume();
      return () => {
        for (const answer of answers) answer.destroy();
      };
    },
    monitorPids: () => pidsOf(new RegExp(`/(containerd-shim-runc-v2|conmon) .*${dirname(socketPath)}/`)),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function bodyOf({ image, command, hostPort, network = "bridge" }: Wish) {
  const ports = hostPort === undefined ? {} : { "80/tcp": [{ HostPort: String(hostPort) }] };
  return {
    Image: image,
    Cmd: command,
    ExposedPorts: hostPort === undefined ? {} : { "80/tcp": {} },
    HostConfig: { NetworkMode: network, PortBindings: ports, Ulimits: ulimits },
  };
}

type Target = {
  readonly socketPath: string;
  readonly agent?: Agent;
  readonly method: string;
  readonly path: string;
};

async function exchange(target: Target, body?: unknown): Promise<string> {
  const answer = await openAnswer(target, body);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function openAnswer(target: Target, body?: unknown): Promise<IncomingMessage> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers =
    body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request({ ...target, headers }, async (answer) => {
      if ((answer.statusCode ?? 500) < 300) return resolve(answer);
      let said = "";
      for await (const chunk of answer) said += chunk;
      reject(new Error(`${target.method} ${target.path}: ${said}`));
    });
    sent.once("error", reject);
    sent.end(text);
  });
}
