import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dockerFor } from "../support/docker-command.ts";
import { starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { startRegistry, testUsers } from "../support/registry.ts";

const run = promisify(execFile);
const { engine } = engineOfFile();
let place: string;

beforeAll(() => {
  place = mkdtempSync("/tmp/gantry-test-");
  mkdirSync(join(place, "app"));
  writeFileSync(
    join(place, "app/Dockerfile"),
    `FROM ${starterImage}\nARG WHO=nobody\nCOPY f /f\nRUN echo "$WHO" > /who\n`,
  );
  writeFileSync(join(place, "app/f"), "content\n");
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

const environment = () => ({
  PATH: "/usr/bin:/bin",
  HOME: place,
  DOCKER_HOST: `unix://${engine.config.dockerSocket}`,
});

const python = `
import docker, io, sys
client = docker.from_env()
image, log = client.images.build(path=sys.argv[1], tag="py:1", buildargs={"WHO": "py"}, labels={"a": "b"}, rm=True)
assert image.tags == ["py:1"], image.tags
assert image.labels["a"] == "b"
assert any("Successfully built" in line.get("stream", "") for line in log)
assert client.containers.run("py:1", "cat /f /who", remove=True) == b"content\\npy\\n"
alone, _ = client.images.build(fileobj=io.BytesIO(b"FROM ${starterImage}\\nRUN echo alone\\n"), nocache=True, quiet=False)
assert alone.id.startswith("sha256:")
packed, _ = client.images.build(path=sys.argv[1], gzip=True, pull=False, forcerm=True, container_limits={"memory": 64 * 1024 * 1024}, network_mode="none", extra_hosts={"other": "10.1.1.1"}, shmsize=1 << 26, target="0")
try:
    client.images.build(fileobj=io.BytesIO(b"FROM ${starterImage}\\nRUN exit 3\\n"))
    raise SystemExit("no failure")
except docker.errors.BuildError as error:
    assert "returned a non-zero code: 3" in error.msg, error.msg
    assert any("Step 2/2 : RUN exit 3" in line.get("stream", "") for line in error.build_log)
try:
    client.images.build(path=sys.argv[1], dockerfile="nope")
    raise SystemExit("no failure")
except (docker.errors.APIError, docker.errors.BuildError) as error:
    pass
lines = list(client.api.build(path=sys.argv[1], tag="py:2", decode=True))
assert lines[-1]["stream"] == "Successfully tagged py:2\\n", lines[-1]
print(client.api.prune_builds()["SpaceReclaimed"])
`;

it("docker-py builds images", async () => {
  const { stdout, stderr } = await run("/usr/bin/python3", ["-W", "ignore", "-c", python, join(place, "app")], {
    env: environment(),
  });
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\d+\n$/), stderr: "" });
}, 60_000);

it("docker-compose 1.29 builds, and runs what it has built", async () => {
  const project = {
    version: "2.4",
    services: {
      app: { build: { context: "app", args: { WHO: "compose" }, labels: ["a=b"] }, command: "cat /f /who" },
    },
  };
  writeFileSync(join(place, "docker-compose.yml"), JSON.stringify(project));
  const compose = (...args: string[]) =>
    run("/usr/bin/docker-compose", ["-p", "shop", ...args], { cwd: place, env: environment() });
  const built = await compose("build");
  expect(built.stdout).toMatch(/Step 1\/\d : FROM[\s\S]*Successfully tagged shop_app:latest/);
  const { stdout } = await compose("run", "--rm", "app");
  expect(stdout.replaceAll("\r", "")).toBe("content\ncompose\n");
  writeFileSync(join(place, "docker-compose.yml"), JSON.stringify({ ...project, services: { bad: { build: "bad" } } }));
  mkdirSync(join(place, "bad"));
  writeFileSync(join(place, "bad/Dockerfile"), `FROM ${starterImage}\nRUN exit 5\n`);
  await expect(compose("build")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("returned a non-zero code: 5"),
  });
  await compose("down", "-v", "--remove-orphans");
}, 60_000);

it("dockerode builds images, and follows how far it has come", async () => {
  const docker = new Docker({ socketPath: engine.config.dockerSocket });
  const build = async (options: Docker.ImageBuildOptions) => {
    const stream = await docker.buildImage({ context: join(place, "app"), src: ["Dockerfile", "f"] }, options);
    return new Promise<Record<string, unknown>[]>((resolve, reject) =>
      docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines))),
    );
  };
  const lines = await build({ t: "rode:1", buildargs: { WHO: "rode" }, labels: { a: "b" } });
  expect(lines.at(-1)).toEqual({ stream: "Successfully tagged rode:1\n" });
  expect((await docker.getImage("rode:1").inspect()).Config.Labels).toMatchObject({ a: "b" });
  await expect(build({ dockerfile: "nope" })).rejects.toMatchObject({ statusCode: 400 });
});

it("docker builds on images of a registry that wants an account", async () => {
  await using registry = await startRegistry({ auth: "basic" });
  const config = join(place, "config");
  const docker = dockerFor(engine, config);
  const name = `${registry.address}/base:1`;
  const [[user, password] = ["", ""]] = Object.entries(testUsers);
  const login = await docker(["login", "-u", user, "--password-stdin", registry.address], { input: password });
  expect(login.code).toBe(0);
  await docker(["tag", starterImage, name]);
  expect((await docker(["push", name])).code).toBe(0);
  await docker(["rmi", name]);
  const build = (directory: string) =>
    dockerFor(engine, directory)(["build", "--pull", "-t", "private", "-"], {
      input: `FROM ${name}\nRUN true\n`,
      env: { DOCKER_BUILDKIT: "0" },
    });
  expect((await build(join(place, "stranger"))).code).toBe(1);
  expect(await build(config)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Successfully tagged private"),
  });
});
