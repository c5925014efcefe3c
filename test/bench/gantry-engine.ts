import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { connectEngine } from "../../src/client/connection.ts";
import { type Engine, image } from "./engines.ts";
import { pidsOf, runCommand } from "./measure.ts";

const launcher = join(import.meta.dirname, "../../bin/gantry");

export function openGantry(directory: string): Engine {
  const directories = ["--root", join(directory, "root"), "--run", join(directory, "run")];
  const cli = (...args: string[]) => [launcher, ...directories, ...args];
  return {
    name: "gantry",
    socket: join(directory, "run/gantry.sock"),
    cli,
    async start() {
      mkdirSync(directory, { recursive: true });
      runCommand(cli("engine", "start"));
    },
    async stop() {
      runCommand(cli("engine", "stop"));
      runCommand(cli("engine", "purge", "--force"));
    },
    importRootfs: (tar, name) => void runCommand(cli("import", "--change", 'CMD ["sh"]', tar, name)),
    async createAndStart(name, hostPort) {
      const client = await connectEngine({ socket: join(directory, "run/gantry.sock") });
      const port = { hostAddress: "", hostPort, containerPort: 80, protocol: "tcp" as const };
      const from = performance.now();
      const created = await client.request("containers.create", {
        ...emptyCreateRequest(image),
        name,
        command: ["sleep", "600"],
        ports: [port],
      });
      await client.request("containers.start", { container: created.id });
      const took = performance.now() - from;
      client.close();
      return took;
    },
    daemonPids: () => pidsOf(new RegExp(`engine\\.mjs serve .*${directory}`)),
  };
}
