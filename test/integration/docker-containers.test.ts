import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { askDocker, filterQuery } from "../support/docker-client.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

type Summary = { readonly Id: string; readonly Names: string[]; readonly State: string; readonly Status: string };
type Inspected = {
  readonly Id: string;
  readonly State: { readonly Status: string; readonly ExitCode: number };
  readonly HostConfig: Record<string, unknown>;
  readonly Config: Record<string, unknown>;
  readonly Mounts: unknown[];
  readonly NetworkSettings: Record<string, unknown>;
};
type Stats = {
  readonly name: string;
  readonly pids_stats: { readonly current?: number };
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number }; readonly system_cpu_usage?: number };
  readonly precpu_stats: { readonly system_cpu_usage?: number };
  readonly memory_stats: { readonly usage?: number; readonly limit?: number };
};

const { engine } = engineOfFile();
const ask = (line: Parameters<typeof askDocker>[1], body?: unknown) => askDocker(engine, line, body);
const remove = (...names: string[]) => Promise.all(names.map((name) => ask(`DELETE /containers/${name}?force=1&v=1`)));

async function create(name: string, body: object = {}): Promise<string> {
  const answer = await ask(`POST /v1.41/containers/create?name=${name}`, {
    Image: starterImage,
    Cmd: ["sleep", "1000"],
    ...body,
  });
  expect(answer).toMatchObject({ status: 201 });
  checkAnswer({ method: "POST", path: "/containers/create", status: 201 }, answer.body);
  return (answer.body as { Id: string }).Id;
}

async function run(name: string, body: object = {}): Promise<string> {
  const id = await create(name, {
    ...body,
    HostConfig: { Init: true, ...(body as { HostConfig?: object }).HostConfig },
  });
  expect(await ask(`POST /containers/${name}/start`)).toMatchObject({ status: 204 });
  return id;
}

async function inspect(name: string): Promise<Inspected> {
  const { body } = await ask(`GET /containers/${name}/json`);
  const inspected = body as Inspected;
  checkAnswer({ method: "GET", path: "/containers/{id}/json" }, { ...inspected, HostConfig: describedPart(inspected) });
  return inspected;
}

/** moby's own answers do not fit its description in these: null, `""`, `no`, `local`. */
function describedPart({ HostConfig }: Inspected) {
  const {
    MemorySwappiness: _swappiness,
    Isolation: _isolation,
    RestartPolicy: _policy,
    LogConfig: _log,
    ...rest
  } = HostConfig;
  return rest;
}

async function list(query: string): Promise<Summary[]> {
  const answer = await ask(`GET /containers/json?${query}`);
  expect(answer).toMatchObject({ status: 200 });
  checkAnswer({ method: "GET", path: "/containers/json" }, answer.body);
  return answer.body as Summary[];
}

const namesOf = (summaries: readonly Summary[]) => summaries.map(({ Names }) => Names[0]?.slice(1)).sort();

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
    // A 404 would make the command line pull the image.
    expect(
      await ask("POST /containers/create", { Image: starterImage, HostConfig: { NetworkMode: "nosuch" } }),
    ).toMatchObject({ status: 400, body: { message: expect.stringContaining("network nosuch not found") } });
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

  it("have what was asked for, as docker shows it", async () => {
    await ask("POST /networks/create", { Name: "front", IPAM: { Config: [{ Subnet: "10.97.0.0/24" }] } });
    await run("full", {
      Hostname: "host",
      Domainname: "example.org",
      User: "1000:1000",
      Env: ["A=b"],
      Entrypoint: "sleep",
      Cmd: ["1000"],
      WorkingDir: "/tmp",
      Labels: { tier: "web" },
      StopSignal: "SIGINT",
      StopTimeout: 3,
      Volumes: { "/anonymous": {}, "/b": {} },
      ExposedPorts: { "90/tcp": {} },
      Healthcheck: { Test: ["CMD", "true"], Interval: 5_000_000_000 },
      HostConfig: {
        Binds: ["/tmp:/b:ro", "kept:/c"],
        Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1770 } }],
        PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
        NetworkMode: "front",
        Memory: 64 * 1024 * 1024,
        NanoCpus: 500_000_000,
        PidsLimit: 50,
        CapAdd: ["NET_ADMIN"],
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
        Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
        RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
        ExtraHosts: ["db:10.0.0.1"],
        LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
        MemorySwappiness: -1,
        Links: null,
      },
      NetworkingConfig: {
        EndpointsConfig: { front: { Aliases: ["alias"], IPAMConfig: { IPv4Address: "10.97.0.9" } } },
      },
    });
    const { Config, HostConfig, Mounts, NetworkSettings } = await inspect("full");
    expect(Config).toMatchObject({
      Hostname: "host",
      Domainname: "example.org",
      User: "1000:1000",
      Entrypoint: ["sleep"],
      Cmd: ["1000"],
      WorkingDir: "/tmp",
      Labels: { tier: "web" },
      StopSignal: "SIGINT",
      StopTimeout: 3,
      Volumes: { "/anonymous": {} },
      ExposedPorts: { "80/tcp": {}, "90/tcp": {} },
      Healthcheck: { Test: ["CMD", "true"], Interval: 5_000_000_000 },
    });
    expect(Config.Env).toContain("A=b");
    expect(HostConfig).toMatchObject({
      Binds: ["/tmp:/b:ro", "kept:/c"],
      Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1770 } }],
      NetworkMode: "front",
      Memory: 64 * 1024 * 1024,
      NanoCpus: 500_000_000,
      PidsLimit: 50,
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
      Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
      ExtraHosts: ["db:10.0.0.1"],
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      MemorySwappiness: null,
    });
    expect(Mounts).toMatchObject([
      { Type: "bind", Source: "/tmp", Destination: "/b", RW: false },
      { Type: "volume", Name: "kept", Destination: "/c", RW: true },
      { Type: "tmpfs", Destination: "/t" },
      { Type: "volume", Destination: "/anonymous" },
    ]);
    expect(NetworkSettings).toMatchObject({
      Networks: { front: { IPAddress: "10.97.0.9", Aliases: ["alias"] } },
      Ports: { "80/tcp": [{ HostIp: "127.0.0.1" }], "90/tcp": null },
    });
    const [summary] = await list(filterQuery({ name: ["^/full$"] }));
    expect(summary).toMatchObject({
      Image: starterImage,
      Command: "sleep 1000",
      State: "running",
      HostConfig: { NetworkMode: "front" },
      NetworkSettings: { Networks: { front: { IPAddress: "10.97.0.9" } } },
    });
    expect(summary).toHaveProperty("Ports", [
      expect.objectContaining({ PrivatePort: 80, Type: "tcp", IP: "127.0.0.1" }),
      { PrivatePort: 90, Type: "tcp" },
    ]);
    await remove("full");
    await Promise.all([ask("DELETE /networks/front"), ask("DELETE /volumes/kept")]);
  });

  it("are listed by filters, newest first", async () => {
    const first = await run("list-a", { Labels: { "com.docker.compose.project": "p", n: "1" } });
    await create("list-b", { Labels: { "com.docker.compose.project": "p", n: "2" } });
    await run("list-c", { Labels: { n: "10" }, HostConfig: { NetworkMode: "none" } });
    await ask("POST /containers/list-c/stop?t=0");
    const names = async (filters: Record<string, string[]>, query = "all=1") =>
      namesOf(await list(`${query}&${filterQuery({ name: ["list-"], ...filters })}`));
    expect(await names({}, "")).toEqual(["list-a"]);
    expect(await names({})).toEqual(["list-a", "list-b", "list-c"]);
    expect((await list("all=1")).map(({ Names }) => Names[0])).toEqual(["/list-c", "/list-b", "/list-a"]);
    expect((await list("limit=1")).map(({ Names }) => Names[0])).toEqual(["/list-c"]);
    expect(await names({ label: ["com.docker.compose.project=p"] })).toEqual(["list-a", "list-b"]);
    expect(await names({ label: ["com.docker.compose.project=p", "n=1"] })).toEqual(["list-a"]);
    expect(await names({ status: ["created", "exited"] }, "")).toEqual(["list-b", "list-c"]);
    expect(await names({ exited: ["143", "137"] })).toEqual(["list-c"]);
    expect(await names({ exited: ["143", "137"] }, "")).toEqual([]);
    expect(await names({ since: ["list-a"] })).toEqual(["list-b", "list-c"]);
    expect(await names({ before: ["list-b"] })).toEqual(["list-a"]);
    expect(await names({ id: [first.slice(0, 12)] })).toEqual(["list-a"]);
    expect(await names({ ancestor: [starterImage] })).toEqual(["list-a", "list-b", "list-c"]);
    expect(await names({ ancestor: ["nosuch"] })).toEqual([]);
    expect(await names({ network: ["none"] })).toEqual(["list-c"]);
    expect(await names({ health: ["none"], "is-task": ["false"] })).toEqual(["list-a", "list-b", "list-c"]);
    expect(await ask(`GET /containers/json?${filterQuery({ nosuch: ["1"] })}`)).toMatchObject({ status: 400 });
    expect(await ask(`GET /containers/json?${filterQuery({ status: ["nosuch"] })}`)).toMatchObject({ status: 400 });
    expect(await ask(`GET /containers/json?${filterQuery({ since: ["nosuch"] })}`)).toMatchObject({ status: 404 });
    const [sized] = await list("size=1");
    expect(sized).toHaveProperty("SizeRootFs");
    await remove("list-a", "list-b", "list-c");
  });

  it("are listed with the id of an image whose name has gone", async () => {
    await ask(`POST /images/${starterImage}/tag?repo=passing&tag=1`);
    await create("named", { Image: "passing:1" });
    expect(await list(`all=1&${filterQuery({ name: ["named"] })}`)).toMatchObject([{ Image: "passing:1" }]);
    await ask("DELETE /images/passing:1");
    const [{ ImageID } = { ImageID: "" }] = (await list("all=1")) as unknown as { ImageID: string }[];
    expect(await list(`all=1&${filterQuery({ name: ["named"] })}`)).toMatchObject([{ Image: ImageID }]);
    await remove("named");
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

  it("are pruned by labels", async () => {
    const gone = await create("prune-a", { Labels: { prune: "yes" } });
    await create("prune-b", { Labels: { prune: "no" } });
    const pruned = await ask(`POST /containers/prune?${filterQuery({ label: ["prune"], "label!": ["prune=no"] })}`);
    checkAnswer({ method: "POST", path: "/containers/prune" }, pruned.body);
    expect(pruned.body).toMatchObject({ ContainersDeleted: [gone] });
    const nothing = await ask(`POST /containers/prune?${filterQuery({ until: ["24h"] })}`);
    expect(nothing.body).toEqual({ ContainersDeleted: null, SpaceReclaimed: 0 });
    await remove("prune-b");
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
