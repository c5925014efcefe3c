import { describe, expect, it } from "vitest";
import { filterQuery } from "../support/docker-client.ts";
import { inspectContainer, listContainers, type Summary } from "../support/docker-containers.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { starterImage } from "../support/engine.ts";

const { ask, create, run, removeContainers: remove } = dockerEngineOfFile();
const inspect = (name: string) => inspectContainer(ask, name);
const list = (query: string) => listContainers(ask, query);
const namesOf = (summaries: readonly Summary[]) => summaries.map(({ Names }) => Names[0]?.slice(1)).sort();

describe("containers as docker's API shows them", () => {
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
});
