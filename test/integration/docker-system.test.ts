import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { askDocker, filterQuery, runDocker } from "../support/docker-client.ts";
import { dockerFor } from "../support/docker-command.ts";
import { checkAnswer } from "../support/docker-schema.ts";
import { createContainer, eventually, runContainer, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { tempRoot } from "../support/temp-root.ts";

const { engine, request, remove } = engineOfFile();
const followers: ChildProcess[] = [];

afterEach(async () => {
  for (const follower of followers.splice(0)) follower.kill("SIGKILL");
  for (const { id } of await request("containers.list", { all: true })) await remove(id);
});

type EventLine = {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
};

/** `docker events --format json`, from when it listens. Lines come into the array. */
async function followEvents(...flags: string[]): Promise<EventLine[]> {
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.config.dockerSocket}` };
  const args = ["events", "--format", "json", "--since", "0", ...flags];
  const follower = spawn("docker", args, { env, stdio: ["ignore", "pipe", "inherit"] });
  followers.push(follower);
  const events: EventLine[] = [];
  createInterface({ input: follower.stdout }).on("line", (line) => events.push(JSON.parse(line)));
  return events;
}

async function eventsOf(query: string): Promise<EventLine[]> {
  const { body } = await askDocker(engine, `GET /events?until=${Date.now() / 1000 + 0.1}&${query}`);
  if (typeof body === "object") return [body as EventLine];
  return String(body)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

it("tells version and host as moby's description says", async () => {
  const version = await askDocker(engine, "GET /version");
  checkAnswer({ method: "GET", path: "/version" }, version.body);
  expect(version.body).toMatchObject({ ApiVersion: "1.50", MinAPIVersion: "1.24", Os: "linux" });
  const info = await askDocker(engine, "GET /v1.41/info");
  checkAnswer({ method: "GET", path: "/info" }, info.body);
  expect(info.body).toMatchObject({
    Driver: "overlay2",
    OSType: "linux",
    Images: 1,
    DockerRootDir: engine.config.root,
  });
});

it("is told by docker version and docker info", async () => {
  expect(await runDocker(engine, "version", "--format", "{{.Server.APIVersion}}")).toBe("1.50");
  expect(await runDocker(engine, "info", "--format", "{{.OSType}} {{.Swarm.LocalNodeState}}")).toBe("linux inactive");
  const running = await runContainer(engine);
  await createContainer(engine);
  expect(await runDocker(engine, "info", "--format", "{{.Containers}} {{.ContainersRunning}}")).toBe("2 1");
  await request("containers.pause", { container: running });
  expect(await runDocker(engine, "info", "--format", "{{.ContainersRunning}} {{.ContainersPaused}}")).toBe("0 1");
});

it("keeps its ID over a restart", async () => {
  const id = await runDocker(engine, "info", "--format", "{{.ID}}");
  await engine.stop();
  await engine.start();
  expect(await runDocker(engine, "info", "--format", "{{.ID}}")).toBe(id);
});

it("says what the disk is used for", async () => {
  const container = await runContainer(engine, {
    command: ["sh", "-c", "head -c 1000000 /dev/urandom > /big; sleep 300"],
    mounts: [],
  });
  await request("volumes.create", { name: "data", driver: "local", options: {}, labels: {} });
  await eventually(async () => {
    const { body } = await askDocker(engine, "GET /v1.41/system/df");
    checkAnswer({ method: "GET", path: "/system/df" }, body);
    const { Containers } = body as { Containers: { Id: string; SizeRw?: number }[] };
    return Containers[0]?.Id === container && (Containers[0]?.SizeRw ?? 0) >= 1_000_000;
  });
  const { body } = await askDocker(engine, "GET /system/df?type=volume");
  expect(body).toMatchObject({
    Images: null,
    Containers: null,
    Volumes: [{ Name: "data", UsageData: { RefCount: 0 } }],
  });
  expect(await askDocker(engine, "GET /system/df?type=x")).toMatchObject({ status: 400 });
  const lines = (await runDocker(engine, "system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}")).split(
    "\n",
  );
  expect(lines).toEqual(["Images 1 1", "Containers 1 1", "Local Volumes 1 0", "Build Cache 0 0"]);
  expect(await runDocker(engine, "system", "df", "-v")).toContain("Local Volumes space usage");
  await request("volumes.remove", { volume: "data", force: false });
});

it("streams events to docker's own client, those of the past first", async () => {
  const first = await createContainer(engine, { name: "first", labels: { tier: "web" } });
  const events = await followEvents("--filter", "type=container");
  await eventually(() => events.some(({ Actor }) => Actor.ID === first));
  const second = await runContainer(engine, { name: "second" });
  await eventually(() => events.some(({ Action, Actor }) => Action === "start" && Actor.ID === second));
  const { Actor } = events.find(({ Action, Actor }) => Action === "create" && Actor.ID === first) ?? {};
  expect(Actor?.Attributes).toMatchObject({ name: "first", image: starterImage, tier: "web" });
  expect(new Set(events.map(({ Type }) => Type))).toEqual(new Set(["container"]));
});

it("ends at until, and filters as docker does", async () => {
  const started = Date.now() / 1000;
  const id = await runContainer(engine, { name: "web-1", labels: { tier: "web" } });
  await runContainer(engine, { name: "db-1" });
  const actionsOf = async (filters: Readonly<Record<string, readonly string[]>>) =>
    (await eventsOf(`since=${started}&${filterQuery(filters)}`)).map(({ Action }) => Action);
  expect(await actionsOf({ container: [id.slice(0, 12)], type: ["container"] })).toEqual(["create", "start"]);
  expect(await actionsOf({ container: ["web"], event: ["start", "die"] })).toEqual(["start"]);
  expect(await actionsOf({ label: ["tier=web"], event: ["start"] })).toEqual(["start"]);
  expect(await actionsOf({ image: ["gantry/busybox"], event: ["start"] })).toEqual(["start", "start"]);
  expect(await actionsOf({ event: ["start"], "no-such-filter": ["x"] })).toEqual(["start", "start"]);
  expect(await actionsOf({ daemon: ["nobody"] })).toEqual([]);
});

it("gives times with all their digits", async () => {
  await createContainer(engine);
  const { body } = await askDocker(
    engine,
    `GET /events?until=${Date.now() / 1000}&${filterQuery({ event: ["create"] })}`,
  );
  const [, nano = ""] = /"timeNano":(\d+)/.exec(typeof body === "string" ? body : JSON.stringify(body)) ?? [];
  expect(nano).toHaveLength(19);
});

it("holds back events for a client that does not read, and loses none", async () => {
  using client = new RawSocket(engine.config.dockerSocket);
  client.send("GET /events HTTP/1.1", "Host: docker", "", "");
  await client.until(/200 OK/);
  client.socket.pause();
  const label = "x".repeat(200_000);
  const ids = [];
  for (let count = 0; count < 10; count++) ids.push(await createContainer(engine, { labels: { label } }));
  client.socket.resume();
  await client.until(new RegExp(`"create".*${ids.at(-1)}`, "s"), 10);
  for (const id of ids) expect(client.text).toContain(`"Action":"create","Actor":{"ID":"${id}"`);
});

it("refuses to log in where nobody listens", async () => {
  const account = { username: "ann", password: "secret", serveraddress: "127.0.0.1:1" };
  const { status, body } = await askDocker(engine, "POST /auth", account);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(body)).not.toContain("secret");
  expect(await askDocker(engine, "POST /auth", {})).toMatchObject({ status: 400 });
});

it("lets go of followers that have gone", async () => {
  const events = await followEvents();
  await eventually(() => events.length > 0);
  const [follower] = followers.splice(0);
  if (follower === undefined) throw new Error("no follower");
  const ended = once(follower, "exit");
  follower.kill("SIGINT");
  await ended;
  await createContainer(engine);
  expect((await askDocker(engine, "GET /_ping")).status).toBe(200);
});

it("is a context of docker's", async () => {
  await using directory = await tempRoot();
  const docker = dockerFor(engine, directory.path);
  const env = { DOCKER_HOST: undefined };
  const host = `host=unix://${engine.config.dockerSocket}`;
  expect(await docker(["context", "create", "here", "--docker", host], { env })).toMatchObject({ code: 0 });
  expect(await docker(["context", "use", "here"], { env })).toMatchObject({ code: 0 });
  const id = await createContainer(engine);
  expect(await docker(["ps", "-aq", "--no-trunc"], { env })).toMatchObject({ code: 0, stdout: `${id}\n` });
});

it("is driven by docker inside a container that has the socket", async () => {
  const program = (await promisify(execFile)("sh", ["-c", "command -v docker"])).stdout.trim();
  // The program's libraries are the host's.
  const libraries = ["/usr", "/lib", "/lib64"].flatMap((path) => ["-v", `${path}:${path}:ro`]);
  const socket = ["-v", `${engine.config.dockerSocket}:/var/run/docker.sock`];
  const inside = ["run", "-d", "--name", "made-inside", starterImage, "sleep", "100"];
  const id = await runDocker(engine, "run", "--rm", ...socket, ...libraries, starterImage, program, ...inside);
  expect(await runDocker(engine, "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}")).toBe(`${id} made-inside`);
});
