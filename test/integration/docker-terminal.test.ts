import { expect, it, vi } from "vitest";
import { askDocker } from "../support/docker-client.ts";
import { starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { tempRoot } from "../support/temp-root.ts";
import { TestTerminal } from "../support/terminal.ts";

const { engine } = engineOfFile();

/** The real docker in a terminal of 80 columns and 24 rows. */
function docker(directory: string, ...args: string[]): TestTerminal {
  const environment = { DOCKER_HOST: `unix://${engine.config.dockerSocket}`, DOCKER_CONFIG: directory };
  return new TestTerminal({ command: ["docker", ...args], columns: 80, rows: 24, environment });
}

it("runs, leaves, attaches again and ends with the exit code of a shell", async () => {
  await using root = await tempRoot();
  await using run = docker(root.path, "run", "-it", "--rm", "--name=shell", starterImage, "sh");
  await run.waitFor("/ #");
  run.type("stty size; tty\r");
  await run.waitFor("24 80");
  await run.waitFor("/dev/pts/");
  await run.resize(100, 30);
  run.type("stty size\r");
  await run.waitFor("30 100");
  await run.press("\u0010", "\u0011");
  expect(await run.exited).toBe(0);
  await using attach = docker(root.path, "attach", "shell");
  attach.type("echo ba''ck\r");
  await attach.waitFor("back");
  attach.type("exit 4\r");
  expect(await attach.exited).toBe(4);
  const gone = async () => expect(await askDocker(engine, "GET /containers/shell/json")).toMatchObject({ status: 404 });
  await vi.waitFor(gone);
});

it("gives an exec a terminal with its size, interrupts, and other keys to leave it", async () => {
  await using root = await tempRoot();
  const body = { Image: starterImage, Cmd: ["sleep", "1000"], HostConfig: { Init: true } };
  await askDocker(engine, "POST /containers/create?name=main", body);
  await askDocker(engine, "POST /containers/main/start");
  await using shell = docker(root.path, "exec", "-it", "main", "sh");
  await shell.waitFor("/ #");
  shell.type("stty size; sleep 1000\r");
  await shell.waitFor("24 80");
  await shell.press("ctrl+c");
  shell.type("echo in''terrupted $?\r");
  await shell.waitFor("interrupted 130");
  await shell.resize(90, 20);
  shell.type("stty size; exit 7\r");
  await shell.waitFor("20 90");
  expect(await shell.exited).toBe(7);
  await using left = docker(root.path, "exec", "-it", "--detach-keys=ctrl-x,x", "main", "cat");
  left.type("before\r");
  await left.waitFor("before\nbefore");
  await left.press("\u0018", "x");
  expect(await left.exited).toBe(1);
  await using top = docker(root.path, "top", "main");
  await top.waitFor(/\bcat\b/);
});

it("ends a run in the foreground by a key, and by signals where there is no terminal inside", async () => {
  await using root = await tempRoot();
  const script = 'trap "echo got it; exit 9" INT; echo ready; while :; do sleep 0.1; done';
  for (const flags of [["-it"], []]) {
    await using run = docker(root.path, "run", "--rm", ...flags, starterImage, "sh", "-c", script);
    await run.waitFor("ready");
    await run.press("ctrl+c");
    await run.waitFor("got it");
    expect(await run.exited).toBe(9);
  }
});
