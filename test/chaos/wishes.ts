import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../engine/protocol/defaults.ts";
import { starterImage } from "../support/engine.ts";

/**
 * What a container does when it is left alone. long: nothing, for ever. short: ends with its exit code. gone: ends and is removed.
 * fleeting: as long, removed at its end. faithful: ends and is brought back for ever. stubborn: fails, is brought back twice, and stays down.
 */
export const lives = ["long", "short", "gone", "fleeting", "faithful", "stubborn"] as const;
export type Life = (typeof lives)[number];

/** What a container of the storm is to be: a value drawn by the seed. */
export type Wish = {
  readonly life: Life;
  readonly exitCode: number;
  /** bridge, none, host, or one of the client's own. */
  readonly network: string;
  /** A named one of the client's own, at /v. */
  readonly volume: string | null;
  /** Published on all addresses, to a web server that answers with the container's id. */
  readonly port: number | null;
  /** Prints numbers, one more each time. */
  readonly talks: boolean;
  readonly memory: number | null;
  readonly pids: number | null;
  readonly init: boolean;
  /** Its health is asked for again and again, and is good. */
  readonly health: boolean;
  /** Little of its output is kept. */
  readonly smallLog: boolean;
};

/** Bytes of a file of a small log, of which there are two. */
export const smallLogSize = 4000;

export function isAutoRemoved({ life }: Wish): boolean {
  return life === "gone" || life === "fleeting";
}

/** Whether it runs until somebody ends it. */
export function isLasting({ life }: Wish): boolean {
  return life === "long" || life === "fleeting";
}

export function requestOf(name: string, wish: Wish): CreateRequest {
  const policy = wish.life === "faithful" ? "always" : wish.life === "stubborn" ? "on-failure" : "no";
  const port = { hostAddress: "", containerPort: 80, protocol: "tcp" } as const;
  return {
    ...emptyCreateRequest(starterImage),
    name,
    command: commandOf(wish),
    network: wish.network,
    mounts: wish.volume === null ? [] : [volumeAt(wish.volume)],
    ports: wish.port === null ? [] : [{ ...port, hostPort: wish.port }],
    resources: { ...unlimited, memory: wish.memory, pidsLimit: wish.pids },
    init: wish.init,
    autoRemove: isAutoRemoved(wish),
    restartPolicy: { name: policy, maximumRetryCount: wish.life === "stubborn" ? 2 : 0 },
    labels: { storm: "yes" },
    healthcheck: wish.health ? { ...healthy, test: ["CMD", "true"] } : null,
    log: wish.smallLog ? smallLog : { driver: "", options: {} },
  };
}

/** Nanoseconds. */
const healthy = { interval: 500e6, timeout: 5e9, retries: 3, startPeriod: 0, startInterval: 500e6 };
const smallLog = {
  driver: "local",
  options: { "max-size": String(smallLogSize), "max-file": "2", compress: "false" },
} as const;

function volumeAt(source: string): CreateRequest["mounts"][number] {
  return { type: "volume", source, target: "/v", readOnly: false, createSource: false, options: [] };
}

function commandOf(wish: Wish): string[] {
  if (wish.port !== null) return ["httpd", "-f", "-p", "80", "-h", "/etc"];
  if (isLasting(wish) && wish.talks) return ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); usleep 30000; done"];
  if (isLasting(wish)) return ["sleep", "1000000"];
  return ["sh", "-c", `usleep 300000; exit ${wish.exitCode}`];
}
