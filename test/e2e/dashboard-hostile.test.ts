import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { openDashboard, startContainer } from "../support/dashboard.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

it("lets no escape sequence of a log, a file or a label through", async () => {
  const evil = [
    "printf 'a\\033]0;taken\\007b\\n'",
    "printf 'c\\033[2Jd\\033[5;5He\\n'",
    "printf 'f\\033P+q544e\\033\\\\g\\n'",
    "printf '\\302\\233 2Jh\\n'",
    "printf 'i\\rj\\bk\\n'",
    "printf '\\033]52;c;Z290Y2hh\\007l\\n'",
  ].join("; ");
  await startContainer(engine, "villain", `touch "/$(printf 'x\\033]0;taken\\007y')"; ${evil}; sleep 1000`);
  await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name: "labelled",
    command: ["sh", "-c", "\u001b]0;taken\u0007 \u001b[2J"],
    labels: { "\u001b]0;taken\u0007": "\u001b[2J\u202eevil" },
  });
  await using terminal = openDashboard(engine);
  const titles: string[] = [];
  terminal.onTitle((title) => titles.push(title));
  await terminal.waitFor(/● villain +running/);
  await terminal.waitFor("1 added");
  await terminal.waitFor(/ i ?j?k/);
  await terminal.press("3", "enter");
  await terminal.waitFor(/\+ .* xy *│/);
  await terminal.press("q");
  await terminal.press("1", "j", "enter");
  await terminal.waitFor("container labelled");
  await terminal.press("G");
  await terminal.press("esc");
  await terminal.waitFor(/○ labelled +created/);
  const output = terminal.output().toString("latin1");
  expect(output).not.toContain("\u001b]");
  expect(output).not.toContain("\u001bP");
  expect(output).not.toContain("\u001b[2J");
  expect(output).not.toContain("\u001b[5;5H");
  expect(titles).toEqual([]);
});
