import { describe, expect, it } from "vitest";
import { filterQuery, runDocker } from "../support/docker-client.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { runContainer } from "../support/engine.ts";
import { outputOf } from "../support/volumes.ts";

type Network = { Name: string; Id: string; Containers: Record<string, { Name: string; IPv4Address: string }> };

describe("networks of docker's API", () => {
  const { engine, ask, remove: removeContainer } = dockerEngineOfFile();
  const names = async (filters: Record<string, string[]>) => {
    const { body } = await ask(`GET /networks?${filterQuery(filters)}`);
    return (body as Network[]).map(({ Name }) => Name).sort();
  };
  const remove = (...networks: string[]) => Promise.all(networks.map((network) => ask(`DELETE /networks/${network}`)));

  it("are made as asked, and shown in docker's form", async () => {
    const created = await ask("POST /v1.41/networks/create", {
      Name: "front",
      CheckDuplicate: true,
      Driver: "bridge",
      Attachable: true,
      IPAM: {
        Driver: "default",
        Options: { foo: "bar" },
        Config: [
          { Subnet: "10.123.4.0/24", IPRange: "10.123.4.128/25", AuxiliaryAddresses: { router: "10.123.4.128" } },
        ],
      },
      Options: { "com.docker.network.driver.mtu": "1400" },
      Labels: { tier: "web" },
      EnableIPv6: null,
    });
    expect(created.status).toBe(201);
    checkAnswer({ method: "POST", path: "/networks/create", status: 201 }, created.body);
    const { status, body } = await ask("GET /v1.41/networks/front");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      Name: "front",
      Driver: "bridge",
      Scope: "local",
      Attachable: true,
      EnableIPv6: false,
      IPAM: {
        Options: { foo: "bar" },
        Config: [{ Subnet: "10.123.4.0/24", Gateway: "10.123.4.1", AuxiliaryAddresses: { router: "10.123.4.128" } }],
      },
      Labels: { tier: "web" },
      Options: { "com.docker.network.driver.mtu": "1400" },
    });
    const container = await runContainer(engine, { network: "front" });
    const place = (await ask("GET /networks/front")).body as Network;
    expect(place.Containers[container]?.IPv4Address).toBe("10.123.4.129/24");
    await removeContainer(container);
    expect((await ask("DELETE /networks/front")).status).toBe(204);
  });

  it("are listed by all of docker's filters", async () => {
    for (const [name, label] of [
      ["net-a", "x=1"],
      ["net-b", "x=2"],
    ] as const) {
      await ask("POST /networks/create", { Name: name, Labels: Object.fromEntries([label.split("=")]) });
    }
    const all = (await ask("GET /v1.41/networks")).body;
    checkAnswer({ method: "GET", path: "/networks" }, all);
    checkAnswer({ method: "GET", path: "/networks/{id}" }, (await ask("GET /v1.41/networks/net-a")).body);
    expect(await names({ type: ["builtin"] })).toEqual(["bridge", "host", "none"]);
    expect(await names({ type: ["custom"] })).toEqual(["net-a", "net-b"]);
    expect(await names({ label: ["x=2"] })).toEqual(["net-b"]);
    expect(await names({ label: ["x"] })).toEqual(["net-a", "net-b"]);
    expect(await names({ name: ["^net-a$", "bridge"] })).toEqual(["bridge", "net-a"]);
    expect(await names({ driver: ["null"] })).toEqual(["none"]);
    expect(await names({ dangling: ["true"] })).toEqual(["net-a", "net-b"]);
    const [{ Id: id = "" } = {}] = all as Network[];
    expect(await names({ id: [id.slice(0, 10)] })).toHaveLength(1);
    expect(await ask(`GET /networks?${filterQuery({ colour: ["red"] })}`)).toMatchObject({ status: 400 });
    expect(await ask(`GET /networks?${filterQuery({ name: ["(a*)*b"] })}`)).toMatchObject({ status: 400 });
    const pruned = await ask(`POST /v1.41/networks/prune?${filterQuery({ "label!": ["x=1"] })}`);
    checkAnswer({ method: "POST", path: "/networks/prune" }, pruned.body);
    expect(pruned.body).toEqual({ NetworksDeleted: ["net-b"] });
    expect((await ask(`POST /networks/prune?${filterQuery({ until: ["24h"] })}`)).body).toEqual({
      NetworksDeleted: null,
    });
    await remove("net-a");
  });

  it("take containers on and let them go", async () => {
    const container = await runContainer(engine, { name: "web" });
    await ask("POST /networks/create", { Name: "back", IPAM: { Config: [{ Subnet: "10.123.5.0/24" }] } });
    const settings = { IPAMConfig: { IPv4Address: "10.123.5.9" }, Aliases: ["api"], DriverOpts: null };
    const connected = await ask("POST /networks/back/connect", { Container: "web", EndpointConfig: settings });
    expect(connected).toEqual({ status: 200, body: "" });
    const { Containers: members } = (await ask("GET /networks/back")).body as Network;
    expect(members[container]).toMatchObject({ Name: "web", IPv4Address: "10.123.5.9/24" });
    expect(await ask("POST /networks/back/connect", { Container: "web" })).toMatchObject({ status: 409 });
    await ask("POST /networks/create", { Name: "link" });
    const further = (address: string) => ({ IPAMConfig: { LinkLocalIPs: [address] } });
    const link = (address: string) =>
      ask("POST /networks/link/connect", { Container: "web", EndpointConfig: further(address) });
    expect(await link("10.0.0.1")).toMatchObject({ status: 400 });
    expect((await link("169.254.8.8")).status).toBe(200);
    expect(await runDocker(engine, "exec", "web", "ip", "addr")).toContain("169.254.8.8/16 scope link eth2");
    expect((await ask("POST /networks/link/disconnect", { Container: "web" })).status).toBe(200);
    await remove("link");
    expect(await ask("DELETE /networks/back")).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining("has active endpoints") },
    });
    expect((await ask("POST /networks/back/disconnect", { Container: "web", Force: true })).status).toBe(200);
    expect((await ask("DELETE /networks/back")).status).toBe(204);
    await removeContainer(container);
  });

  it("refuse what cannot be, with docker's statuses", async () => {
    const attempts: [Record<string, unknown>, number, string][] = [
      [{ Name: "o", Driver: "overlay" }, 503, "not a swarm manager"],
      [{ Name: "o", Driver: "weave" }, 404, "plugin"],
      [{ Name: "o", Driver: "host" }, 403, "only one instance"],
      [{ Name: "bridge" }, 409, "already exists"],
      [{ Name: "o", ConfigOnly: true }, 501, "not supported"],
      [{ Name: "o", EnableIPv4: false }, 501, "not supported"],
      [{ Name: "o", IPAM: { Driver: "weave" } }, 501, "not supported"],
      [{ Name: "o", IPAM: { Config: [{ Subnet: "10.300.0.0/16" }] } }, 400, "no subnet"],
      [{ Name: "../o" }, 400, "not valid"],
      [{ Name: 7 }, 400, "Name"],
    ];
    for (const [body, status, message] of attempts) {
      const answer = await ask("POST /networks/create", body);
      expect(answer, JSON.stringify(body)).toEqual({ status, body: { message: expect.stringContaining(message) } });
    }
    expect(await ask("GET /networks/nobody")).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining("network nobody not found") },
    });
    expect((await ask("DELETE /networks/bridge")).status).toBe(403);
    expect((await ask("POST /networks/bridge/connect", { Container: "nobody" })).status).toBe(404);
    expect(await names({ type: ["custom"] })).toEqual([]);
  });

  it("lead a container that is linked by a name that is its alone", async () => {
    await ask("POST /networks/create", { Name: "links" });
    const database = await runContainer(engine, { name: "proj_db_1", network: "links" });
    const { Containers: members } = (await ask("GET /networks/links")).body as Network;
    const [address = "none"] = members[database]?.IPv4Address.split("/") ?? [];
    const lookUp = (links?: string[]) =>
      outputOf(engine, ["nslookup", "db"], {
        network: "links",
        endpoints: { links: { aliases: [], ...(links === undefined ? {} : { links }) } },
      });
    expect(await lookUp(["proj_db_1:db"])).toContain(address);
    await expect(lookUp()).rejects.toThrow("exit code 1");
    await removeContainer(database);
    await remove("links");
  });

  it("link containers on the default bridge by their hosts files and variables", async () => {
    const database = await runContainer(engine, { name: "legacy", expose: ["5432/tcp"], environment: ["USER=ann"] });
    const { Containers: members } = (await ask("GET /networks/bridge")).body as Network;
    const [address = "none"] = members[database]?.IPv4Address.split("/") ?? [];
    const told = await outputOf(engine, ["sh", "-c", "cat /etc/hosts; env"], { name: "client", links: ["legacy:db"] });
    expect(told).toContain(`${address}\tdb ${database.slice(0, 12)} legacy\n`);
    for (const line of [`DB_PORT=tcp://${address}:5432`, "DB_NAME=/client/db", "DB_ENV_USER=ann"]) {
      expect(told.split("\n")).toContain(line);
    }
    await removeContainer(database);
    await expect(outputOf(engine, ["true"], { links: ["legacy:db"] })).rejects.toThrow(
      "could not get container for legacy",
    );
  });

  it("are managed by docker's command line", async () => {
    const docker = (...args: string[]) => runDocker(engine, ...args);
    await docker(
      "network",
      "create",
      "--subnet",
      "10.123.6.0/24",
      "--gateway",
      "10.123.6.254",
      "--label",
      "a=b",
      "cli",
    );
    expect(await docker("network", "ls", "--filter", "label=a=b", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")).toBe(
      "cli bridge local",
    );
    expect(await docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "cli")).toBe(
      "10.123.6.254",
    );
    await expect(docker("network", "inspect", "nobody")).rejects.toThrow("network nobody not found");
    expect(await docker("network", "prune", "--force", "--filter", "label=a=b")).toContain("cli");
    expect(await names({ type: ["custom"] })).toEqual([]);
  });
});
