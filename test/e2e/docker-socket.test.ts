import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createConfig } from "../../engine/config.ts";
import { askDocker } from "../support/docker-client.ts";
import { eventually } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let directory: TempRoot;
let link: string;

const hostOf = (name: string) => {
  const config = createConfig({ root: directory.join(name, "root"), run: directory.join(name, "run") });
  const settings = directory.join(`settings-${name}`);
  const gantry = gantryFor(config);
  const run = (...args: string[]) => gantry(args, { env: { GANTRY_SETTINGS: settings } });
  const kill = async () => {
    const pid = Number.parseInt(readFileSync(config.pidFile, "utf8"), 10);
    process.kill(pid, "SIGKILL");
    await eventually(() => !existsSync(`/proc/${pid}`));
  };
  return { config, run, kill, settings };
};
let one: ReturnType<typeof hostOf>;
let other: ReturnType<typeof hostOf>;

const idAt = async (dockerSocket: string): Promise<string> => {
  const { body } = await askDocker({ config: { ...one.config, dockerSocket } }, "GET /info");
  return (body as { ID: string }).ID;
};

beforeAll(async () => {
  directory = await tempRoot();
  link = directory.join("docker.sock");
  one = hostOf("one");
  other = hostOf("other");
});

afterAll(async () => {
  for (const { run } of [one, other]) await run("engine", "purge", "--force");
  await directory[Symbol.asyncDispose]();
}, 60_000);

beforeEach(async () => {
  for (const { run } of [one, other]) await run("engine", "stop");
});

it("links the socket of one of two engines, and undoes it at the end", async () => {
  expect(await one.run("engine", "start", "--docker-socket", link)).toMatchObject({ code: 0 });
  expect(readlinkSync(link)).toBe(one.config.dockerSocket);
  expect((await other.run("engine", "start", "--docker-socket", link)).stderr).toContain(
    `${link} belongs to an engine that runs`,
  );
  expect(await other.run("engine", "status")).toMatchObject({ code: 3 });
  expect(await other.run("engine", "start")).toMatchObject({ code: 0 });
  const [first, second] = [await idAt(link), await idAt(other.config.dockerSocket)];
  expect(first).toBe(await idAt(one.config.dockerSocket));
  expect(second).not.toBe(first);
  expect((await one.run("engine", "start", "--docker-socket", "off")).stderr).toContain("the engine runs already");
  await one.run("engine", "stop");
  expect([link, one.config.dockerSocket, one.config.dockerLinkFile].filter((path) => existsSync(path))).toEqual([]);
});

it("takes the place of a link that a killed engine left, which then is no longer that one's", async () => {
  await one.run("engine", "start", "--docker-socket", link);
  await one.kill();
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(await other.run("engine", "start", "--docker-socket", link)).toMatchObject({ code: 0 });
  expect(await one.run("engine", "start")).toMatchObject({ code: 0 });
  await one.run("engine", "stop");
  expect(readlinkSync(link)).toBe(other.config.dockerSocket);
  await other.kill();
  expect((await other.run("engine", "purge", "--force")).stdout).toContain(`removed link ${link}`);
  expect(() => lstatSync(link)).toThrow("ENOENT");
});

it("never takes away what others have made", async () => {
  const file = directory.join("file");
  writeFileSync(file, "precious");
  expect((await one.run("engine", "start", "--docker-socket", file)).stderr).toContain(`${file} is in the way`);
  expect(readFileSync(file, "utf8")).toBe("precious");
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(link, resolve));
  expect((await one.run("engine", "start", "--docker-socket", link)).stderr).toContain("belongs to an engine");
  expect(lstatSync(link).isSocket()).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

it("follows engine.json, but for a mistake there goes on without", async () => {
  mkdirSync(one.settings);
  const write = (text: string) => writeFileSync(join(one.settings, "engine.json"), text);
  write('{"docker-socket":"off"}');
  expect(await one.run("engine", "start")).toMatchObject({ code: 0 });
  expect(existsSync(one.config.dockerSocket)).toBe(false);
  await one.run("engine", "stop");
  write(JSON.stringify({ "docker-socket": link }));
  await one.run("engine", "start");
  expect(readlinkSync(link)).toBe(one.config.dockerSocket);
  await one.run("engine", "stop");
  for (const wrong of ['{"docker-socket":7}', '{"docker-socket":"sideways"}']) {
    write(wrong);
    expect(await one.run("engine", "start")).toMatchObject({ code: 0 });
    expect(existsSync(one.config.dockerSocket)).toBe(true);
    expect((await one.run("engine", "logs", "-n", "10")).stdout).toContain("docker's API has no other place");
    await one.run("engine", "stop");
  }
  expect((await one.run("engine", "start", "--docker-socket", "")).code).toBe(1);
});

it("writes the choice into the unit of systemd", async () => {
  const { stdout } = await one.run("engine", "install", "--print", "--docker-socket", "/var/run/docker.sock");
  expect(stdout).toMatch(/^ExecStart=.* serve --foreground .* --docker-socket \/var\/run\/docker.sock$/m);
  expect((await one.run("engine", "install", "--print")).stdout).not.toContain("docker");
});
