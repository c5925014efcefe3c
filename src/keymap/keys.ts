/**
 * How a key is written in the keymap and told by the decoder: a character as it is typed (`j`, `G`, `?`), or a name (`enter`,
 * `space`, `esc`, `tab`, `up`, `pagedown`, `f5`), with `ctrl+`, `alt+` or `shift+` before it, in this order.
 */
export type KeyName = string;

const named = new Set([
  "enter",
  "space",
  "esc",
  "tab",
  "backspace",
  "delete",
  "insert",
  "up",
  "down",
  "left",
  "right",
  "home",
  "end",
  "pageup",
  "pagedown",
  ...Array.from({ length: 12 }, (_, index) => `f${index + 1}`),
]);

const modifiers = /^(ctrl\+)?(alt\+)?(shift\+)?(.+)$/u;

/** The key in its one spelling, or null where it names none. */
export function parseKey(text: string): KeyName | null {
  const match = modifiers.exec(text);
  if (match === null) return null;
  const [, ctrl = "", alt = "", shift = "", base = ""] = match;
  if (named.has(base.toLowerCase())) return ctrl + alt + shift + base.toLowerCase();
  if ([...base].length !== 1 || /\s/u.test(base)) return null;
  if (shift !== "") return ctrl === "" ? alt + base.toUpperCase() : null;
  return ctrl === "" ? alt + base : ctrl + alt + base.toLowerCase();
}

const shown: Readonly<Record<string, string>> = {
  enter: "Enter",
  space: "Space",
  esc: "Esc",
  tab: "Tab",
  up: "Up",
  down: "Down",
  left: "Left",
  right: "Right",
  home: "Home",
  end: "End",
  pageup: "PgUp",
  pagedown: "PgDn",
  backspace: "Backspace",
  delete: "Del",
};

/** The key as people write it: `Ctrl+L`, `PgDn`, `Shift+Tab`. */
export function formatKey(key: KeyName): string {
  const match = modifiers.exec(key);
  if (match === null) return key;
  const [, ctrl = "", alt = "", shift = "", base = key] = match;
  const name = shown[base] ?? (ctrl === "" ? base : base.toUpperCase());
  return `${ctrl === "" ? "" : "Ctrl+"}${alt === "" ? "" : "Alt+"}${shift === "" ? "" : "Shift+"}${name}`;
}
