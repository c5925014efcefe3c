import { expect, it } from "vitest";
import { commands } from "../../../src/keymap/commands.ts";
import {
  createKeymap,
  findCommand,
  keysOf,
  parseKeymapFile,
  readKeymapFile,
  userKeymapPath,
} from "../../../src/keymap/keymap.ts";
import { formatKey, parseKey } from "../../../src/keymap/keys.ts";
import { keyTable } from "../../../src/keymap/table.ts";

const keymap = createKeymap({ readOnly: false });

it("has the keys the dashboard promises", () => {
  const promised = [
    ["j", "cursor.down"],
    ["down", "cursor.down"],
    ["k", "cursor.up"],
    ["g", "cursor.first"],
    ["G", "cursor.last"],
    ["pageup", "page.up"],
    ["pagedown", "page.down"],
    ["tab", "pane.next"],
    ["1", "pane.containers"],
    ["5", "pane.stats"],
    ["enter", "details.open"],
    ["/", "filter.open"],
    ["esc", "back"],
    ["s", "container.toggle"],
    ["r", "container.restart"],
    ["p", "container.pause"],
    ["e", "container.shell"],
    ["a", "container.attach"],
    ["l", "container.logs"],
    ["K", "container.kill"],
    ["d", "object.delete"],
    ["space", "mark.toggle"],
    ["c", "copy"],
    ["f", "pane.fullscreen"],
    ["?", "help.open"],
    [":", "palette.open"],
    ["q", "quit"],
  ] as const;
  for (const [key, id] of promised) expect(findCommand(keymap, key, "containers"), key).toBe(id);
  expect(findCommand(keymap, "n", "images")).toBe("container.create");
});

it("drops every command that changes anything when it is read-only", () => {
  const readOnly = createKeymap({ readOnly: true });
  for (const command of commands) {
    expect(readOnly.bindings.some((binding) => binding.command.id === command.id)).toBe(!command.dangerous);
  }
  expect(findCommand(readOnly, "d", "containers")).toBeNull();
  expect(keysOf(readOnly, "container.kill")).toBe("");
});

it("takes a user's keys, and says what is wrong with them", () => {
  const changes = parseKeymapFile('{"container.restart": ["R", "ctrl+r"], "engine.retry": []}', "my.json");
  const changed = createKeymap({ readOnly: false, changes });
  expect(findCommand(changed, "ctrl+r", "containers")).toBe("container.restart");
  expect(findCommand(changed, "r", "containers")).toBeNull();
  expect(keysOf(changed, "container.restart")).toBe("R Ctrl+R");
  expect(() => parseKeymapFile("{", "my.json")).toThrow(/^keymap my\.json: not JSON/);
  expect(() => parseKeymapFile('{"restart": "R"}', "my.json")).toThrow(
    'keymap my.json: no command is called "restart"; did you mean container.restart?',
  );
  expect(() => parseKeymapFile('{"quit": "strg+q"}', "my.json")).toThrow('keymap my.json: quit: "strg+q" is not a key');
  expect(() => parseKeymapFile("[]", "my.json")).toThrow("keymap my.json: not an object of commands");
  expect(() => readKeymapFile("/no/such/my.json", true)).toThrow("keymap /no/such/my.json: there is no such file");
  expect(() => parseKeymapFile('{"quit": 3}', "my.json")).toThrow("keymap my.json: quit: want a key or a list of keys");
  expect(() => createKeymap({ readOnly: false, changes: parseKeymapFile('{"quit": "s"}', "x") })).toThrow(
    "keymap: s is given to both container.toggle and quit",
  );
});

it("finds the user's file where XDG says", () => {
  expect(userKeymapPath({ XDG_CONFIG_HOME: "/x" })).toBe("/x/gantry/keymap.json");
  expect(userKeymapPath({ HOME: "/home/me" })).toBe("/home/me/.config/gantry/keymap.json");
});

it("reads and writes names of keys", () => {
  expect(["j", "G", "?", "ctrl+L", "shift+tab", "Enter", "alt+x", "shift+j"].map(parseKey)).toEqual([
    "j",
    "G",
    "?",
    "ctrl+l",
    "shift+tab",
    "enter",
    "alt+x",
    "J",
  ]);
  expect(["", "jj", " ", "ctrl+", "hyper+x"].map(parseKey)).toEqual([null, null, null, null, null]);
  expect(["ctrl+l", "shift+tab", "pagedown", "q"].map(formatKey)).toEqual(["Ctrl+L", "Shift+Tab", "PgDn", "q"]);
});

it("lists every command in the README's table", () => {
  const table = keyTable();
  for (const command of commands) expect(table).toContain(`\`${command.id}\``);
  expect(table).toMatch(/\| `K` +\| Kill +\| `container.kill` +\| not with `--read-only`, asks first \|/);
});
