import type { ReconnectingClient } from "../client/reconnect.ts";
import type { MirrorAction } from "../store/mirror.ts";

type Client = Pick<ReconnectingClient, "request" | "subscribe" | "state" | "onState">;

/** How often what hardly changes is asked for again, in milliseconds. */
const infoInterval = 30_000;

/** Keeps the mirror true: the connection's state, all objects, and what the running containers use. */
export function feedMirror(client: Client, take: (action: MirrorAction) => void): Disposable {
  let seen: { epoch: string; revision: number } | null = null;
  const askInfo = () => {
    client.request("system.info", {}).then(
      (info) => take({ type: "info", info }),
      // It only adorns the header; a lost engine is told by the connection's state.
      () => undefined,
    );
  };
  const onState = (state: ReconnectingClient["state"]) => {
    take({ type: "connection", state });
    if (state.status === "connected") askInfo();
  };
  const stopListening = client.onState(onState);
  onState(client.state);
  const objects = client.subscribe("state", {
    params: () => ({ resume: seen }),
    onItem: (item) => {
      if (client.state.status === "connected") seen = { epoch: client.state.engine.epoch, revision: item.revision };
      take({ type: "state", item });
      if (item.operations !== null) take({ type: "pace", at: Date.now() });
    },
  });
  const stats = client.subscribe("stats", {
    params: () => ({ containers: null }),
    onItem: ({ samples }) => take({ type: "stats", samples }),
  });
  const timer = setInterval(() => client.state.status === "connected" && askInfo(), infoInterval);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stopListening();
      objects.close();
      stats.close();
    },
  };
}
