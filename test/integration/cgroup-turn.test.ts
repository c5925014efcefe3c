import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { CgroupTurn } from "../../engine/host/cgroup-turn.ts";
import { openCgroups } from "../../engine/host/cgroups.ts";

it("leaves this process in its cgroups", async () => {
  const places = () => readFileSync("/proc/self/cgroup", "utf8");
  const before = places();
  const turn = new CgroupTurn(openCgroups());
  for (let round = 0; round < 5; round += 1) {
    turn.prepare();
    await sleep(20);
  }
  expect(places()).toBe(before);
});
