import { describe, expect, it } from "vitest";
import { filterQuery, runDocker } from "../support/docker-client.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { runContainer } from "../support/engine.ts";
import { namedVolume } from "../support/volumes.ts";

type Volume = { readonly Name: string };

describe("volumes of docker's API", () => {
  const { engine, ask, remove: removeContainer } = dockerEngineOfFile();
  const names = async (filters: Record<string, string[]>) => {
    const { body } = await ask(`GET /volumes?${filterQuery(filters)}`);
    return (body as { Volumes: Volume[] }).Volumes.map(({ Name }) => Name).sort();
  };

  it("are made as asked, and shown in docker's form", async () => {
    expect((await ask("GET /volumes")).body).toEqual({ Volumes: [], Warnings: [] });
    const created = await ask("POST /v1.41/volumes/create", { Name: "data", Labels: { a: "b" }, DriverOpts: null });
    expect(created.status).toBe(201);
    checkAnswer({ method: "POST", path: "/volumes/create", status: 201 }, created.body);
    expect(created.body).toMatchObject({
      Name: "data",
      Driver: "local",
      Labels: { a: "b" },
      Scope: "local",
      Options: null,
    });
    expect((await ask("POST /volumes/create", { Name: "data" })).body).toEqual(created.body);
    expect((await ask("GET /volumes/data")).body).toEqual(created.body);
    const unnamed = (await ask("POST /volumes/create", {})).body as Volume;
    expect(unnamed.Name).toMatch(/^[0-9a-f]{64}$/);
    checkAnswer({ method: "GET", path: "/volumes" }, (await ask("GET /v1.41/volumes")).body);
    for (const name of ["data", unnamed.Name]) expect((await ask(`DELETE /volumes/${name}`)).status).toBe(204);
  });

  it("are listed by all of docker's filters, and pruned as the client's version has it", async () => {
    for (const [name, label] of [
      ["one", "1"],
      ["two", "2"],
    ])
      await ask("POST /volumes/create", { Name: name, Labels: { x: label } });
    const container = await runContainer(engine, { mounts: [namedVolume("one", "/data")] });
    expect(await names({ dangling: ["true"] })).toEqual(["two"]);
    expect(await names({ dangling: ["0"] })).toEqual(["one"]);
    expect(await names({ label: ["x=1"] })).toEqual(["one"]);
    expect(await names({ name: ["o"] })).toEqual(["one", "two"]);
    expect(await names({ driver: ["nfs"] })).toEqual([]);
    expect(await ask("DELETE /volumes/one")).toMatchObject({ status: 409 });
    await ask("POST /volumes/create", {});
    const pruned = (await ask("POST /v1.42/volumes/prune")).body as { VolumesDeleted: string[] };
    expect(pruned.VolumesDeleted).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const rest = await ask("POST /v1.41/volumes/prune");
    checkAnswer({ method: "POST", path: "/volumes/prune" }, rest.body);
    expect(rest.body).toEqual({ VolumesDeleted: ["two"], SpaceReclaimed: expect.any(Number) });
    await removeContainer(container);
    expect((await ask(`POST /volumes/prune?${filterQuery({ all: ["true"] })}`)).body).toMatchObject({
      VolumesDeleted: ["one"],
    });
  });

  it("refuse what cannot be, with docker's words", async () => {
    const missing = { status: 404, body: { message: "get nobody: no such volume" } };
    expect(await ask("GET /volumes/nobody")).toEqual(missing);
    expect(await ask("DELETE /volumes/nobody")).toEqual(missing);
    expect((await ask("DELETE /volumes/nobody?force=1")).status).toBe(204);
    expect((await ask("POST /volumes/create", { Name: "a/b" })).status).toBe(400);
    expect((await ask("POST /volumes/create", { Name: "x", Driver: "nfs" })).status).toBe(404);
    expect((await ask("POST /volumes/create", { Name: "x", DriverOpts: { colour: "red" } })).status).toBe(400);
    expect((await ask("PUT /volumes/x?version=1", {})).status).toBe(503);
  });

  it("are managed by docker's command line", async () => {
    const docker = (...args: string[]) => runDocker(engine, ...args);
    expect(
      await docker("volume", "create", "--label", "a=b", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "cli"),
    ).toBe("cli");
    expect(await docker("volume", "ls", "--quiet", "--filter", "label=a")).toBe("cli");
    expect(await docker("volume", "inspect", "--format", "{{.Options.type}}", "cli")).toBe("tmpfs");
    await expect(docker("volume", "inspect", "nobody")).rejects.toThrow("no such volume");
    expect(await docker("volume", "rm", "cli")).toBe("cli");
  });
});
