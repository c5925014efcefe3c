import { afterAll, beforeAll, expect, it } from "vitest";
import { closeOverlay, openDashboard, quiet, startContainer } from "../support/dashboard.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await startContainer(engine, "web", quiet);
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const endpoints = async (name: string) => {
  const all = await engine.client.request("containers.list", { all: true });
  return all.find((one) => one.name === name)?.endpoints.map(({ network }) => network) ?? [];
};

it("makes a network, puts a running container on it and takes it off, live", async () => {
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor(/● web +running/);
  await terminal.press("6");
  await terminal.waitFor(/6 Networks 3[\s\S]*┃ bridge +bridge +\d+\.\S+ +1 +web/);
  await terminal.press("d");
  await terminal.waitFor("bridge: every host has it, it cannot be removed");
  await terminal.press("n");
  await terminal.waitFor("New network");
  terminal.type("front\t\t10.213.77.0/24\t10.213.77.9\t y");
  await terminal.press("esc", "n");
  terminal.type("front\t\t10.213.77.0/33");
  await terminal.press("enter");
  await terminal.waitFor(/10\.213\.77\.0\/33[\s\S]*10\.213\.77\.0\/33/);
  terminal.type("\u007f\u007f24\t10.213.77.9");
  await terminal.waitFor("$ gantry network create --subnet 10.213.77.0/24 --gateway 10.213.77.9");
  await terminal.press("enter");
  await terminal.waitFor(/┃ front +bridge +10\.213\.77\.0\/24 +-/);
  await terminal.press("N");
  await terminal.waitFor("Containers on front");
  await terminal.press("enter");
  await terminal.waitFor(/┃ ✓ {2}web +10\.213\.77\.\d+/);
  await terminal.press("esc");
  await terminal.waitFor(/┃ front +bridge +10\.213\.77\.0\/24 +1 +web/);
  await terminal.press("enter");
  await terminal.waitFor(/Subnets +10\.213\.77\.0\/24 {2}gateway 10\.213\.77\.9[\s\S]*● web {2}10\.213\.77\.\d+/);
  await terminal.press("J");
  await terminal.waitFor('Name: "front"');
  await closeOverlay(terminal);
  await terminal.press("d");
  await terminal.waitFor("front is in use by web");
  await terminal.press("u");
  await terminal.waitFor("/network=front 1 of 1");
  await terminal.press("enter");
  await terminal.waitFor(/Networks +bridge[\s\S]*front {2}10\.213\.77\.\d+\/24/);
  await closeOverlay(terminal);
  await terminal.press("N");
  await terminal.waitFor(/Networks of web[\s\S]*✓ {2}front/);
  await terminal.press("enter");
  await terminal.waitFor("disconnect web from front?");
  await terminal.press("y");
  await terminal.waitFor("disconnected web from front");
  expect(await endpoints("web")).toEqual(["bridge"]);
  await terminal.press("esc", "esc", "6");
  await terminal.waitFor(/┃ front +bridge +10\.213\.77\.0\/24 +-/);
  await terminal.press("x");
  await terminal.waitFor(/Networks that no container uses[\s\S]*front +10\.213\.77\.0\/24[\s\S]* 1 network/);
  await terminal.press("enter");
  await terminal.waitFor("delete 1 network?");
  await terminal.press("y");
  await terminal.waitFor("deleted 1 network");
  await terminal.waitFor("6 Networks 3");
});

it("makes a container on a network that is chosen, and deletes networks that are marked", async () => {
  const names = ["one", "two"];
  const subnet = { gateway: "", ipRange: "" };
  for (const [index, name] of names.entries()) {
    const subnets = [{ ...subnet, subnet: `10.213.${78 + index}.0/24` }];
    const rest = { driver: "bridge", internal: true, enableIPv6: false, labels: {}, options: {} } as const;
    await engine.client.request("networks.create", { name, subnets, ...rest });
  }
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● web +running/);
  await terminal.press("2", "n");
  await terminal.waitFor("New container of gantry/busybox");
  terminal.type("db\tsleep 1000\t\t\t\t ");
  await terminal.waitFor("--network one");
  await terminal.press("enter");
  await terminal.waitFor(/● db +running/);
  expect(await endpoints("db")).toEqual(["one"]);
  await terminal.press("6");
  await terminal.waitFor(/one +bridge +10\.213\.78\.0\/24 +internal +1|one +10\.213\.78\.0\/24 +internal +1/);
  await engine.client.request("containers.remove", { container: "db", force: true, volumes: false });
  await terminal.waitFor(/one .*internal +-/);
  await terminal.press("g", " ", " ");
  await terminal.waitFor("2 marked");
  await terminal.press("d");
  await terminal.waitFor("delete 2 networks (one, two)?");
  await terminal.press("y");
  await terminal.waitFor("6 Networks 3");
});

it("lets no escape sequence of a label or an option through", async () => {
  const evil = "\u001b]0;taken\u0007x\u001b[2Jy";
  await engine.client.request("networks.create", {
    name: "evil",
    driver: "bridge",
    subnets: [],
    internal: false,
    enableIPv6: false,
    labels: { [evil]: evil },
    options: {},
  });
  await engine.client.request("volumes.create", {
    name: "evil",
    driver: "local",
    options: {},
    labels: { [evil]: evil },
  });
  await using terminal = openDashboard(engine, { columns: 200, rows: 60 });
  const titles: string[] = [];
  terminal.onTitle((title) => titles.push(title));
  await terminal.waitFor(/6 Networks 4 /);
  await terminal.press("6", "g", "enter");
  await terminal.waitFor(/Labels +xy=xy/);
  await closeOverlay(terminal);
  await terminal.press("7", "enter");
  await terminal.waitFor(/volume evil[\s\S]*Labels +xy=xy/);
  const output = terminal.output().toString("latin1");
  expect(output).not.toContain("\u001b]");
  expect(output).not.toContain("\u001b[2J");
  expect(titles).toEqual([]);
});
