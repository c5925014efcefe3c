import { randomUUID } from "node:crypto";
import { emptyCreateRequest } from "../../../engine/protocol/defaults.ts";
import { connectEngine } from "../../../src/client/connection.ts";
import { pidsOf } from "../measure.ts";
import type { ContainerApi } from "./container-api.ts";

/** `directory` is part of the command line of each of its conmons. */
export async function openGantryApi(socket: string, directory: string): Promise<ContainerApi> {
  const client = await connectEngine({ socket });
  return {
    name: "gantry",
    async create({ name, image, command, hostPort, network = "bridge" }) {
      const port = { hostAddress: "", hostPort: hostPort ?? null, containerPort: 80, protocol: "tcp" as const };
      const ports = hostPort === undefined ? [] : [port];
      const wish = { ...emptyCreateRequest(image), name, command: [...command], network, ports };
      return (await client.request("containers.create", wish)).id;
    },
    start: async (container) => void (await client.request("containers.start", { container })),
    async exec(container, command) {
      const streamID = randomUUID();
      const nothing = { terminal: false, openStdin: false, environment: [], privileged: false };
      const [stream] = await Promise.all([
        client.openStream(streamID),
        client.request("containers.exec", { container, command: [...command], streamID, ...nothing }),
      ]);
      stream.onOutput(() => undefined);
      await stream.ended;
    },
    remove: async (container) =>
      void (await client.request("containers.remove", { container, force: true, volumes: false })),
    list: async () => (await client.request("containers.list", { all: true })).length,
    async watchStats(containers) {
      const subscription = await client.subscribe("stats", { containers: [...containers] }, () => {});
      return () => subscription.close();
    },
    monitorPids: () => pidsOf(new RegExp(`/conmon .*${directory}`)),
    [Symbol.dispose]: () => client.close(),
  };
}
