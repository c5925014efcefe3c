import { describe, expect, it } from "vitest";
import { runDocker } from "../support/docker-client.ts";
import { inspectContainer } from "../support/docker-containers.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";

const { engine, ask, create, run, removeContainers } = dockerEngineOfFile();

describe("links of docker's default bridge", () => {
  it("are taken away alone, from a container that runs too", async () => {
    await run("db");
    await run("web", { HostConfig: { Links: ["db:database", "db:other"] } });
    const hosts = () => runDocker(engine, "exec", "web", "cat", "/etc/hosts");
    const links = async () => (await inspectContainer(ask, "web")).HostConfig.Links;
    expect(await hosts()).toMatch(/\tdatabase \S+ db\n.*\tother \S+ db$/s);
    expect(await links()).toEqual(["/db:/web/database", "/db:/web/other"]);
    expect(await runDocker(engine, "rm", "--link", "/web/database")).toBe("/web/database");
    expect(await hosts()).not.toContain("database");
    expect(await hosts()).toMatch(/\tother \S+ db$/);
    expect(await links()).toEqual(["/db:/web/other"]);
    await runDocker(engine, "restart", "-t", "0", "web");
    expect(await hosts()).not.toContain("database");
    expect(await ask("DELETE /containers/web/database?link=1")).toEqual({
      status: 404,
      body: { message: "no such link: /web/database" },
    });
    expect(await ask("DELETE /containers/none/database?link=1")).toMatchObject({ status: 404 });
    expect(await ask("DELETE /containers/web/other")).toMatchObject({ status: 404 });
    expect(await ask("DELETE /containers/web?link=1")).toEqual({
      status: 409,
      body: { message: "Conflict, cannot remove the default link name of the container" },
    });
    await removeContainers("web", "db");
  });
});

describe("checkpoints of docker's API", () => {
  it("are made, listed and removed, or why they cannot be is said", async () => {
    await run("frozen");
    expect(await ask("GET /containers/frozen/checkpoints")).toEqual({ status: 200, body: [] });
    const made = await ask("POST /containers/frozen/checkpoints", { CheckpointID: "one", Exit: true });
    if (made.status === 201) {
      expect(await runDocker(engine, "checkpoint", "ls", "frozen")).toMatch(/^one$/m);
      expect(await ask("POST /containers/frozen/start?checkpoint=one")).toMatchObject({ status: 204 });
      expect(await ask("DELETE /containers/frozen/checkpoints/one")).toMatchObject({ status: 204 });
    } else {
      // Kernels that criu does not know.
      expect(made).toMatchObject({ status: 501, body: { message: expect.stringMatching(/^checkpoints /) } });
      await expect(runDocker(engine, "checkpoint", "create", "frozen", "one")).rejects.toThrow(/checkpoints /);
    }
    expect(await runDocker(engine, "checkpoint", "ls", "frozen")).toBe("CHECKPOINT NAME");
    expect(await ask("DELETE /containers/frozen/checkpoints/one")).toMatchObject({ status: 404 });
    expect(await ask("GET /containers/frozen/checkpoints?dir=/tmp")).toMatchObject({ status: 501 });
    expect(await ask("GET /containers/none/checkpoints")).toMatchObject({ status: 404 });
    await removeContainers("frozen");
  });
});

describe("execs of docker's API", () => {
  it("are known until the engine starts anew, as docker's are", async () => {
    await run("kept");
    const made = await ask("POST /containers/kept/exec", { Cmd: ["true"] });
    const { Id } = made.body as { Id: string };
    expect(await ask(`POST /exec/${Id}/start`, { Detach: true })).toMatchObject({ status: 200 });
    await engine.stop();
    await engine.start();
    expect(await ask(`GET /exec/${Id}/json`)).toEqual({
      status: 404,
      body: { message: `No such exec instance: ${Id}` },
    });
    expect(await ask(`POST /exec/${Id}/start`, {})).toMatchObject({ status: 404 });
    await create("after");
    await removeContainers("kept", "after");
  });
});
