import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../../src/client/connection.ts";
import { type ChaosHost, processes, signal } from "./host.ts";
import type { Slot } from "./model.ts";
import type { Fault } from "./plan.ts";

/** Whose container is hit, and the engine's own view of it. */
export type Victim = { readonly slot: Slot; readonly pid: number | null };

export type Scene = {
  readonly host: ChaosHost;
  readonly client: EngineClient;
  readonly slots: readonly (readonly Slot[])[];
  /** Between the two, requests may be refused for reasons of the fault. */
  readonly beginDisturbance: () => void;
  readonly endDisturbance: () => void;
  readonly find: (text: string) => void;
};

/** Milliseconds in which the engine sees that its bridge is gone. */
const guardPatience = 14_000;
/** Hours a clock jumps at most. */
const longestJump = 30;

type Act = (scene: Scene, fault: Fault) => Promise<void>;

const acts: Readonly<Record<Fault["kind"], Act>> = {
  "kill-engine": ({ host }) => host.end("SIGKILL"),
  "stop-engine": ({ host }) => host.end("SIGTERM"),
  "kill-engine-and-conmon": async (scene, fault) => {
    const victim = await victimOf(scene, fault);
    await scene.host.end("SIGKILL");
    killConmon(victim.slot);
  },
  "kill-engine-and-container": async (scene, fault) => {
    const victim = await victimOf(scene, fault);
    await scene.host.end("SIGKILL");
    killContainer(victim);
  },
  "kill-engine-at-start": async ({ host, find }, { number, lasts }) => {
    await host.end("SIGKILL");
    for (let stillborn = 0; stillborn <= number % 3; stillborn++) {
      const start = host.start();
      await sleep(20 + ((lasts * (stillborn + 1)) % 500));
      await host.end("SIGKILL");
      const finding = await start;
      if (finding !== null) find(finding);
    }
  },
  "kill-conmon": disturbed(async (scene, fault) => killConmon((await victimOf(scene, fault)).slot)),
  "kill-runtime": disturbed(async (_scene, { lasts, number }) => {
    let kills = 1 + (number % 3);
    for (const deadline = Date.now() + lasts; Date.now() < deadline && kills > 0; await sleep(3)) {
      const runtime = processes().find(({ name }) => name.startsWith("runc"));
      if (runtime === undefined || !signal(runtime.pid, "SIGKILL")) continue;
      kills--;
      await sleep(number % 50);
    }
  }),
  "hang-runtime": disturbed(async (_scene, { lasts }) => {
    const stopped = new Set<number>();
    for (const deadline = Date.now() + lasts; Date.now() < deadline; await sleep(5)) {
      const runtime = processes().find(({ name, pid }) => name.startsWith("runc") && !stopped.has(pid));
      if (runtime !== undefined && signal(runtime.pid, "SIGSTOP")) stopped.add(runtime.pid);
    }
    for (const pid of stopped) signal(pid, "SIGCONT");
  }),
  "kill-container": async (scene, fault) => killContainer(await victimOf(scene, fault)),
  "kill-conmon-and-container": disturbed(async (scene, fault) => {
    const victim = await victimOf(scene, fault);
    killConmon(victim.slot);
    killContainer(victim);
  }),
  "fill-disk": disturbed(async ({ host }, { lasts }) => {
    host.fillDisk();
    await sleep(lasts);
    host.freeDisk();
  }),
  "fill-disk-and-kill-engine": disturbed(async ({ host, find }, { lasts }) => {
    host.fillDisk();
    await sleep(lasts / 2);
    await host.end("SIGKILL");
    const finding = await host.start();
    if (finding !== null) find(`with a full disk: ${finding}`);
    await host.end("SIGKILL");
    host.freeDisk();
  }),
  "jump-clock": async ({ host }, { lasts, number }) => {
    const hours = ((number % (2 * longestJump * 1000)) - longestJump * 1000) / 1000;
    host.jumpClock(Math.round(hours * 3_600_000));
    await sleep(lasts);
    if (number % 2 === 0) host.jumpClock(0);
  },
  "flush-rules": disturbed(async ({ host }, { number }) => {
    host.shell(number % 2 === 0 ? "nft flush ruleset" : `nft delete table inet ${host.config.names.table}`);
  }),
  "delete-bridge": async (scene, fault) => {
    const { host } = scene;
    const bridges = host.bridges();
    const bridge = bridges[fault.number % bridges.length] ?? host.config.names.bridge;
    await disturbed(async () => void host.shell(`ip link del ${bridge} || true`))(scene, fault);
    // Whoever needs it makes it anew; else the engine's guard does. That of a client's network may be gone for good.
    if (bridge !== host.config.names.bridge) return;
    for (const deadline = Date.now() + guardPatience; !host.hasLink(bridge) && Date.now() < deadline; )
      await sleep(100);
  },
};

/** Does what a fault says. The engine may be down afterwards. */
export function doFault(scene: Scene, fault: Fault): Promise<void> {
  return acts[fault.kind](scene, fault);
}

function disturbed(act: Act): Act {
  return async (scene, fault) => {
    scene.beginDisturbance();
    try {
      await act(scene, fault);
    } finally {
      scene.endDisturbance();
    }
  };
}

async function victimOf({ client, slots }: Scene, { client: number, slot: index }: Fault): Promise<Victim> {
  const slot = slots[number]?.[index];
  if (slot === undefined) throw new Error("a fault without a victim");
  const listed = await client.request("containers.list", { all: true }).catch(() => []);
  return { slot, pid: listed.find(({ id }) => id === slot.id)?.pid ?? null };
}

function killContainer({ slot, pid }: Victim): void {
  if (pid === null || !signal(pid, "SIGKILL")) return;
  slot.hit();
}

function killConmon(slot: Slot): void {
  if (slot.id === null) return;
  const id = slot.id;
  const conmon = processes().find(({ name, argv }) => name === "conmon" && argv.includes(id) && !argv.includes("-e"));
  if (conmon === undefined || !signal(conmon.pid, "SIGKILL")) return;
  slot.isUnsupervised = true;
  // What prints dies of its broken pipe; a start under way fails.
  if (slot.wish.talks || slot.busy) slot.hit();
}
