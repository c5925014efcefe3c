import "../../support/blessed-hook.ts";
import { expect, it, vi } from "vitest";
import type { MirrorAction } from "../../../src/store/mirror.ts";
import { aContainer, aNetwork, anEndpoint, anEvent, anImage, aSample, aVolume } from "../../support/protocol-values.ts";
import { type DrawnApp, drawApp } from "../../support/render-app.tsx";

const engine = { protocolVersion: 1, engineVersion: "0.1.0", epoch: "e", pid: 1, startedAt: "2026-11-22T00:00:00Z" };
const web = aContainer({ id: "w", name: "web", endpoints: [anEndpoint()], mounts: [volumeMount("data")] });
const db = aContainer({ id: "d", name: "db" });

function volumeMount(name: string) {
  return { type: "volume", source: `/v/${name}/_data`, target: "/data", readOnly: false, name };
}

function snapshot(): MirrorAction[] {
  return [
    { type: "connection", state: { status: "connected", engine } },
    {
      type: "state",
      item: {
        type: "snapshot",
        revision: 1,
        containers: [web, db],
        images: [anImage()],
        networks: [aNetwork(), aNetwork({ id: "b", name: "bridge", subnets: [] }), aNetwork({ id: "k", name: "back" })],
        volumes: [aVolume({ usedBy: ["w"] }), aVolume({ name: "spare", size: 2e6 })],
        operations: [],
      },
    },
    { type: "stats", samples: [aSample({ container: "d", used: 1024 ** 2 })] },
  ];
}

function change(fields: { readonly volumes?: ReturnType<typeof aVolume>[] }): MirrorAction {
  const none = { containers: [], removedContainers: [], images: [], removedImages: [], operations: null };
  return { type: "state", item: { type: "change", revision: 2, ...none, ...fields } };
}

function draw(columns: number, rows: number, readOnly = false): DrawnApp {
  const app = drawApp({ columns, rows }, { readOnly });
  app.tell(...snapshot());
  return app;
}

const status = (app: DrawnApp) => app.frame().split("\n").at(-2)?.trimEnd() ?? "";
const footer = (app: DrawnApp) => app.frame().split("\n").at(-1)?.trimEnd() ?? "";

it("shows networks and volumes where there is room, and behind their keys where there is not", () => {
  using wide = draw(200, 60);
  expect(wide.frame()).toMatch(/6 Networks 3[\s\S]*back[\s\S]*7 Volumes|6 Networks 3 .* 7 Volumes 2[\s\S]*back/);
  using middle = draw(120, 40);
  expect(middle.frame()).toContain("3 Layers  6 Networks  7 Volumes");
  middle.press("7");
  expect(middle.frame()).toMatch(/3 Layers {2}6 Networks {2}7 Volumes 2[\s\S]*spare +2MB/);
  middle.press("1");
  expect(middle.frame()).toContain("7 Volumes 2");
  using small = draw(80, 24);
  small.press("6");
  expect(small.frame()).toMatch(/6 Networks 3 {2}7 Vol[\s\S]*┃ back +bridge +10\.5\.0\.0\/24 +-/);
  expect(footer(small)).toMatch(/^ n new {2}Enter details {2}u used by {2}d delete/);
});

it("takes what the engine tells of networks and volumes, and keeps what it does not tell", () => {
  using app = draw(80, 24);
  app.press("7");
  app.tell(change({}));
  expect(app.frame()).toContain("spare");
  app.tell(change({ volumes: [aVolume({ name: "fresh" })] }));
  expect(app.frame()).not.toContain("spare");
  expect(app.frame()).toMatch(/7 Volumes 1[\s\S]*┃ fresh/);
});

it("deletes what nothing uses, after a question, and says who uses the rest", () => {
  using app = draw(100, 30);
  app.press("6", "j", "d");
  expect(status(app)).toBe(" front is in use by web  → disconnect them, or delete them");
  app.press("G", "d");
  expect(status(app)).toContain("bridge: every host has it, it cannot be removed");
  app.press("g", "d");
  expect(status(app)).toMatch(/^ delete network back\?/);
  app.press("y");
  expect(app.asked).toEqual(['networks.remove {"network":"k"}']);
  app.press("7", "d");
  expect(status(app)).toContain("data is in use by web");
  app.press("j", "d");
  expect(status(app)).toMatch(/^ delete volume spare and its 2MB of data\?/);
  app.press("y");
  expect(app.asked.at(-1)).toBe('volumes.remove {"volume":"spare","force":false}');
});

it("connects at once, and asks before it disconnects", () => {
  using app = draw(80, 24);
  app.press("N");
  expect(app.frame()).toMatch(/Networks of db[\s\S]*┃ +back +10\.5\.0\.0\/24/);
  app.press("enter");
  expect(app.asked).toEqual(['networks.connect {"network":"k","container":"d","settings":{"aliases":[]}}']);
  app.press("esc", "6", "j", "N");
  expect(app.frame()).toMatch(/Containers on front[\s\S]*✓ {2}web +10\.5\.0\.2/);
  app.press("j", "enter");
  expect(status(app)).toMatch(/^ disconnect web from front\?/);
  app.press("y");
  expect(app.asked.at(-1)).toBe('networks.disconnect {"network":"n1","container":"w","force":false}');
});

it("leads to the containers that use a network or a volume", () => {
  using app = draw(80, 24);
  app.press("6", "j", "u");
  expect(app.frame()).toContain("/network=front 1 of 2");
  expect(app.frame()).not.toMatch(/● db/);
  app.press("esc", "7", "u");
  expect(app.frame()).toContain("/volume=data 1 of 2");
  app.press("esc", "7", "j", "u");
  expect(status(app)).toBe(" no container uses spare");
});

it("makes networks and volumes from forms that show the same as a command", async () => {
  using app = draw(80, 24);
  app.press("6", "n", ..."shop", "tab", "space", "tab", ..."10.9.0.0/24");
  expect(app.frame()).toContain("$ gantry network create -d macvlan --subnet 10.9.0.0/24 shop");
  app.press("enter");
  await vi.waitFor(() => expect(app.asked).toHaveLength(1));
  expect(app.asked[0]).toMatch(
    /^networks\.create \{"name":"shop","driver":"macvlan","subnets":\[\{"subnet":"10\.9\.0\.0\/24"/,
  );
  using other = draw(60, 15);
  other.press("7", "n", "enter");
  await vi.waitFor(() =>
    expect(other.asked).toEqual(['volumes.create {"name":"","driver":"local","options":{},"labels":{}}']),
  );
});

it("changes limits, and shows what is used beside them", async () => {
  using app = draw(80, 24);
  app.press("L");
  expect(app.frame()).toMatch(/Limits of db[\s\S]*Memory +no limit; 256m, 2g +uses 1MiB[\s\S]*Processes .* 1 now/);
  app.press(..."64m", "tab", "tab", ..."x");
  expect(app.frame()).not.toContain("$ gantry update");
  app.press("enter");
  await vi.waitFor(() => expect(app.frame()).toContain('invalid --cpus "x"'));
  app.press("ctrl+u", ..."0.5");
  expect(app.frame()).toContain("$ gantry update --memory 64m --cpus 0.5 db");
  app.press("enter");
  await vi.waitFor(() =>
    expect(app.asked[0]).toMatch(/^containers\.update \{"container":"d","resources":\{"memory":67108864,/),
  );
});

it("keeps all fields of a form within reach where there is little room", () => {
  using app = draw(60, 15);
  app.press("n");
  expect(app.frame()).toMatch(/New container of nginx:latest[\s\S]*1 of 11/);
  app.press(...Array.from({ length: 10 }, () => "tab"));
  expect(app.frame()).toMatch(/11 of 11[\s\S]*┃ Health check[\s\S]*Enter create and start/);
});

it("renames, and previews what does not run", async () => {
  using app = draw(80, 24);
  app.press("m", "2", "enter");
  await vi.waitFor(() => expect(app.asked).toEqual(['containers.rename {"container":"d","name":"db2"}']));
  app.press("x");
  expect(app.frame()).toMatch(/Prune containers[\s\S]*Containers that do not run/);
  await vi.waitFor(() => expect(app.frame()).toContain("nothing would go"));
  expect(app.frame()).not.toContain("all unused");
});

it("shows events as they come, filtered, and further back", () => {
  using app = draw(80, 24);
  app.press("E");
  expect(app.frame()).toMatch(/Events 0 {2}since 1h .* follow [\s\S]*nothing happened since 1h ago/);
  app.tell({ type: "events-opened", key: "1h" });
  app.tell({ type: "events", key: "1h", events: [anEvent(), anEvent({ action: "die", attributes: { name: "db" } })] });
  app.tell({ type: "events", key: "10m", events: [anEvent({ action: "late" })] });
  expect(app.frame()).toMatch(/Events 2[\s\S]*container {2}start +web[\s\S]*container {2}die +db/);
  expect(app.frame()).not.toContain("late");
  app.press("/", ..."web", "enter");
  expect(app.frame()).toMatch(/Events 1 .*\/web[\s\S]*start +web/);
  expect(app.frame()).not.toMatch(/die +db/);
  app.press("esc", "t");
  expect(app.frame()).toMatch(/Events \d {2}since 24h/);
  app.press("q");
  expect(app.frame()).not.toContain("Events");
});

it("leaves out what changes anything when it is read-only", () => {
  using app = draw(100, 30, true);
  app.press("6", "n", "d", "x", "N", "7", "n", "d", "1", "L", "m", "x", "N");
  expect(app.asked).toEqual([]);
  expect(app.dashboard.ui.get().overlay).toBeNull();
  expect(app.dashboard.ui.get().prompt).toBeNull();
});
