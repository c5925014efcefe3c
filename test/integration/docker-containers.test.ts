import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runDocker } from "../support/docker-client.ts";
import { inspectContainer } from "../support/docker-containers.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { starterImage } from "../support/engine.ts";

type Stats = {
  readonly name: string;
  readonly pids_stats: { readonly current?: number };
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number }; readonly system_cpu_usage?: number };
  readonly precpu_stats: { readonly system_cpu_usage?: number };
  readonly memory_stats: { readonly usage?: number; readonly limit?: number };
};

const { engine, ask, create, run, removeContainers: remove } = dockerEngineOfFile();
const inspect = (name: string) => inspectContainer(ask, name);

describe("containers of docker's API", () => {
  it("are made, started, stopped and removed, with docker's statuses", async () => {
    const id = await create("life");
    expect(await ask("POST /containers/life/start")).toMatchObject({ status: 204 });
    expect(await ask("POST /containers/life/start")).toMatchObject({ status: 304 });
    expect(await ask("POST /containers/life/pause")).toMatchObject({ status: 204 });
    expect((await inspect("life")).State.Status).toBe("paused");
    expect(await ask("DELETE /containers/life")).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('cannot remove container "/life": container is paused') },
    });
    expect(await ask("POST /containers/life/unpause")).toMatchObject({ status: 204 });
    expect(await ask("POST /containers/life/rename?name=other")).toMatchObject({ status: 204 });
    expect(await ask("POST /containers/other/kill?signal=USR1")).toMatchObject({ status: 204 });
    expect(await ask("POST /containers/other/stop?t=0")).toMatchObject({ status: 204 });
    expect(await ask("POST /containers/other/stop?t=0")).toMatchObject({ status: 304 });
    expect(await ask("POST /containers/other/kill")).toMatchObject({
      status: 409,
      body: { message: `cannot kill container: other: container ${id} is not running` },
    });
    expect(await ask("POST /containers/other/restart?t=0")).toMatchObject({ status: 204 });
    expect(await ask("DELETE /containers/other?force=1")).toMatchObject({ status: 204 });
    expect(await ask("GET /containers/other/json")).toMatchObject({
      status: 404,
      body: { message: "No such container: other" },
    });
  });

  it("are refused in docker's words", async () => {
    const id = await create("taken");
    expect(await ask("POST /containers/create?name=taken", { Image: starterImage, Cmd: ["true"] })).toMatchObject({
      status: 409,
      body: {
        message: `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
      },
    });
    expect(await ask("POST /containers/create", { Image: "nosuch" })).toMatchObject({
      status: 404,
      body: { message: "No such image: nosuch:latest" },
    });
    expect(await ask("POST /containers/taken/wait?condition=never")).toMatchObject({ status: 400 });
    expect(await ask("POST /containers/taken/rename?name=")).toMatchObject({ status: 400 });
    expect(await ask("POST /containers/taken/resize?h=1")).toMatchObject({ status: 400 });
    const missing = await create("missing", { Cmd: ["no-such-command"] });
    expect(await ask(`POST /containers/${missing}/start`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("executable file not found in $PATH") },
    });
    await remove("taken", "missing");
  });

  it("may name a network that comes later, and miss it at their start", async () => {
    const HostConfig = { NetworkMode: "later" };
    const id = await create("early", { HostConfig });
    expect(await ask("POST /containers/early/start")).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining("network later not found") },
    });
    expect(await inspect("early")).toMatchObject({ State: { Status: "created" }, HostConfig });
    expect(JSON.stringify((await ask("GET /containers/json?all=1")).body)).toContain(id);
    await ask("POST /networks/create", { Name: "later" });
    expect(await ask("POST /containers/early/start")).toMatchObject({ status: 204 });
    await remove("early");
    await ask("DELETE /networks/later");
    await expect(runDocker(engine, "run", "--rm", "--network", "later", starterImage, "true")).rejects.toMatchObject({
      code: 125,
      stderr: expect.stringContaining("network later not found"),
    });
    expect((await ask("GET /containers/json?all=1")).body).toEqual([]);
  });

  it("are waited for from before their start on", async () => {
    await create("waited", { Cmd: ["sh", "-c", "exit 7"], HostConfig: { AutoRemove: true } });
    const removed = await beginWait("waited", "removed");
    const ended = await beginWait("waited", "next-exit");
    await ask("POST /containers/waited/start");
    expect(await ended.answer).toEqual({ StatusCode: 7 });
    expect(await removed.answer).toEqual({ StatusCode: 7 });
    expect(await ask("GET /containers/waited/json")).toMatchObject({ status: 404 });
    await create("never-started");
    const atOnce = await beginWait("never-started", "not-running");
    expect(await atOnce.answer).toEqual({ StatusCode: 0 });
    await remove("never-started");
  });

  it("tell of limits that change, processes and changed files", async () => {
    await run("told", { Cmd: ["sh", "-c", "echo x >/new; rm /etc/passwd; echo y >>/etc/group; exec sleep 1000"] });
    const updated = await ask("POST /containers/told/update", {
      Memory: 64 * 1024 * 1024,
      MemorySwap: -1,
      PidsLimit: 99,
      RestartPolicy: { Name: "always" },
    });
    expect(updated).toMatchObject({ status: 200 });
    checkAnswer({ method: "POST", path: "/containers/{id}/update" }, updated.body);
    const { HostConfig } = await inspect("told");
    expect(HostConfig).toMatchObject({ Memory: 64 * 1024 * 1024, PidsLimit: 99, RestartPolicy: { Name: "always" } });
    const top = await ask("GET /containers/told/top?ps_args=-o+pid,args");
    checkAnswer({ method: "GET", path: "/containers/{id}/top" }, top.body);
    expect(top.body).toMatchObject({ Titles: ["PID", "COMMAND"] });
    expect(JSON.stringify(top.body)).toContain("sleep 1000");
    const changes = await ask("GET /containers/told/changes");
    checkAnswer({ method: "GET", path: "/containers/{id}/changes" }, changes.body);
    expect(changes.body).toEqual(
      expect.arrayContaining([
        { Path: "/new", Kind: 1 },
        { Path: "/etc", Kind: 0 },
        { Path: "/etc/passwd", Kind: 2 },
        { Path: "/etc/group", Kind: 0 },
      ]),
    );
    await remove("told");
  });

  it("are measured at once", async () => {
    await run("measured");
    await sleep(1500);
    const begun = performance.now();
    const { body } = await ask("GET /containers/measured/stats?stream=0");
    expect(performance.now() - begun).toBeLessThan(1000);
    checkAnswer({ method: "GET", path: "/containers/{id}/stats" }, body);
    const stats = body as Stats;
    expect(stats).toMatchObject({ name: "/measured", pids_stats: { current: 2 } });
    expect(stats.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(0);
    expect(stats.cpu_stats.system_cpu_usage).toBeGreaterThan(stats.precpu_stats.system_cpu_usage ?? Infinity);
    expect(stats.memory_stats.usage).toBeGreaterThan(0);
    expect(stats.memory_stats.limit).toBeGreaterThan(stats.memory_stats.usage ?? Infinity);
    expect(await ask("GET /containers/measured/stats?stream=1&one-shot=1")).toMatchObject({ status: 400 });
    await ask("POST /containers/measured/stop?t=0");
    expect((await ask("GET /containers/measured/stats?stream=0")).body).toMatchObject({
      name: "/measured",
      memory_stats: {},
      read: "0001-01-01T00:00:00Z",
    });
    await remove("measured");
  });
});

/** Resolves when the headers are there, as docker's command line waits before it starts a container. */
function beginWait(name: string, condition: string): Promise<{ answer: Promise<unknown> }> {
  return new Promise((resolve, reject) => {
    const path = `/v1.50/containers/${name}/wait?condition=${condition}`;
    const options = { socketPath: engine.config.dockerSocket, method: "POST", path, agent: false };
    const call = request(options, (response) => {
      const answer = new Promise((settle, fail) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once("end", () => settle(JSON.parse(text)));
        response.once("error", fail);
      });
      resolve({ answer });
    });
    call.once("error", reject);
    call.end();
  });
}
