import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listSteps } from "../../engine/builder/run/step-place.ts";
import { openStepScene, type StepScene } from "../support/build-steps.ts";

let scene: StepScene;
beforeAll(async () => {
  scene = await openStepScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

const wish = (name: string, subnet?: string) => ({
  name,
  driver: "bridge" as const,
  subnets: subnet === undefined ? [] : [{ subnet, gateway: "", ipRange: "" }],
  internal: false,
  enableIPv6: false,
  labels: {},
  options: {},
});
const interfaces = "cat /proc/net/dev | tail -n +3 | sed 's/:.*//' | tr -d ' ' | sort | tr '\\n' ' '";

describe("the network of a build's command", () => {
  it("is the default bridge, by which it reaches the host", async () => {
    const server = createServer((_request, response) => response.end("hello\n"));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const { port } = server.address() as AddressInfo;
    const { gateway } = scene.networks.get("bridge").subnets[0] ?? {};
    const { out, err } = await scene.run(`wget -q -O - http://${gateway}:${port}/; wget -q -O - http://host:${port}/`, {
      extraHosts: [{ name: "host", address: "host-gateway" }],
    });
    server.close();
    expect({ out, err }).toEqual({ out: "hello\nhello\n", err: "" });
  });

  it("is none, the host's own, or one by name", async () => {
    expect((await scene.run(interfaces, { network: "none" })).out).toBe("lo ");
    const host = readdirSync("/sys/class/net").filter((name) => !name.startsWith("bonding"));
    const seen = (await scene.run("cat /proc/net/dev; cat /etc/hosts", { network: "host" })).out;
    expect(seen).toContain(`${host[0]}:`);
    await scene.networks.create(wish("mine"));
    const named = await scene.run(`${interfaces}; cat /etc/resolv.conf`, { network: "mine" });
    expect(named.out).toContain("eth0 lo ");
    expect(named.out).toContain("nameserver 127.0.0.11");
    await scene.networks.remove("mine");
    await expect(scene.run("true", { network: "nope" })).rejects.toMatchObject({ code: "not-found" });
    expect(await listSteps(scene.config)).toEqual([]);
  });

  it("is on no list, and cannot be removed meanwhile", async () => {
    await scene.networks.create(wish("busy"));
    const running = scene.run("echo up; sleep 1", { network: "busy" });
    while (scene.networks.list().length === 0) await sleep(5);
    await sleep(300);
    expect(scene.networks.list().flatMap(({ containers }) => containers)).toEqual([]);
    expect(scene.networks.inspect("busy")).toMatchObject({ Containers: {} });
    await expect(scene.networks.remove("busy")).rejects.toMatchObject({ code: "failed-precondition" });
    await running;
    await scene.networks.remove("busy");
  });

  it("is given back: more commands run than there are addresses", async () => {
    await scene.networks.create(wish("small", "10.203.77.0/29"));
    for (let round = 0; round < 3; round++) {
      const all = [1, 2, 3, 4].map((number) => scene.run(`echo ${number}`, { network: "small" }));
      expect((await Promise.all(all)).map(({ out }) => out)).toEqual(["1\n", "2\n", "3\n", "4\n"]);
    }
    await scene.networks.remove("small");
    await sleep(400);
    const pool = readdirSync(join(scene.config.run, "netns"));
    expect(pool.length).toBeLessThanOrEqual(8);
  });
});
