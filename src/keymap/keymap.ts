import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError, messageOf } from "../../engine/errors.ts";
import type { Command } from "./command.ts";
import { type CommandID, commands, isCommandID } from "./commands.ts";
import { formatKey, type KeyName, parseKey } from "./keys.ts";
import type { Place } from "./panes.ts";

/** A command with the keys it has now. */
export type Binding = { readonly command: Command & { readonly id: CommandID }; readonly keys: readonly KeyName[] };

/** Which key does what. `bindings` has only commands that may be used. */
export type Keymap = { readonly bindings: readonly Binding[] };

/** A user's file: command ids with a key or a list of keys; an empty list takes the command its keys. */
const keymapFile = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

export type KeymapOptions = {
  readonly readOnly: boolean;
  readonly changes?: ReadonlyMap<CommandID, readonly KeyName[]>;
};

/** The default keys with a user's changes. Fails with `invalid-argument` where two commands of one place share a key. */
export function createKeymap(options: KeymapOptions): Keymap {
  const all: Binding[] = commands.map((command) => ({
    command,
    keys: options.changes?.get(command.id) ?? command.keys,
  }));
  refuseConflicts(all);
  return { bindings: all.filter(({ command }) => !(options.readOnly && command.dangerous)) };
}

/** The command of a key at a place, or null. */
export function findCommand(keymap: Keymap, key: KeyName, place: Place): CommandID | null {
  for (const { command, keys } of keymap.bindings) {
    if (keys.includes(key) && command.panes.includes(place)) return command.id;
  }
  return null;
}

/** The keys of a command as people write them, or an empty text when it has none or may not be used. */
export function keysOf(keymap: Keymap, id: CommandID): string {
  const binding = keymap.bindings.find(({ command }) => command.id === id);
  return binding === undefined ? "" : binding.keys.map(formatKey).join(" ");
}

/** The key to name where there is room for one, or null. */
export function firstKeyOf(keymap: Keymap, id: CommandID): string | null {
  const key = keymap.bindings.find(({ command }) => command.id === id)?.keys[0];
  return key === undefined ? null : formatKey(key);
}

/** `press n to make one`, or an empty text where no key does it. */
export function pressHint(keymap: Keymap, id: CommandID, what: string): string {
  const key = firstKeyOf(keymap, id);
  return key === null ? "" : `press ${key} ${what}`;
}

/** Where a user's keymap is looked for when no file is named. */
export function userKeymapPath(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "gantry", "keymap.json");
}

/**
 * Reads a user's changes. A missing file is an error only where it was named (`required`). Fails with `invalid-argument` that
 * names the file and the entry.
 */
export function readKeymapFile(path: string, required: boolean): ReadonlyMap<CommandID, readonly KeyName[]> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (!required && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return new Map();
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new EngineError(
      "invalid-argument",
      `keymap ${path}: ${isMissing ? "there is no such file" : messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  return parseKeymapFile(text, path);
}

export function parseKeymapFile(text: string, path: string): ReadonlyMap<CommandID, readonly KeyName[]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `not JSON: ${messageOf(cause)}`, cause);
  }
  const parsed = keymapFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const entry = issue?.path[0];
    const reason = entry === undefined ? "not an object of commands" : `${String(entry)}: want a key or a list of keys`;
    throw invalid(path, reason, parsed.error);
  }
  return new Map(Object.entries(parsed.data).map(([id, keys]) => parseEntry(path, id, keys)));
}

function parseEntry(path: string, id: string, keys: string | readonly string[]): [CommandID, readonly KeyName[]] {
  if (!isCommandID(id)) {
    const close = commands.find((command) => command.id.endsWith(id) || command.id.startsWith(id.split(".")[0] ?? id));
    throw invalid(
      path,
      `no command is called ${JSON.stringify(id)}${close === undefined ? "" : `; did you mean ${close.id}?`}`,
    );
  }
  const names = (typeof keys === "string" ? [keys] : keys).map((key) => {
    const name = parseKey(key);
    if (name === null) throw invalid(path, `${id}: ${JSON.stringify(key)} is not a key`);
    return name;
  });
  return [id, names];
}

function refuseConflicts(bindings: readonly Binding[]): void {
  for (const [index, binding] of bindings.entries()) {
    for (const other of bindings.slice(index + 1)) {
      const key = binding.keys.find((name) => other.keys.includes(name));
      const shared = binding.command.panes.some((pane) => other.command.panes.includes(pane));
      if (key === undefined || !shared) continue;
      throw new EngineError(
        "invalid-argument",
        `keymap: ${formatKey(key)} is given to both ${binding.command.id} and ${other.command.id}`,
        { hint: "give one of them another key, or an empty list" },
      );
    }
  }
}

function invalid(path: string, reason: string, cause?: unknown): EngineError {
  return new EngineError("invalid-argument", `keymap ${path}: ${reason}`, {
    cause,
    hint: 'an entry looks like "container.restart": "ctrl+r"; the README lists the commands',
  });
}
