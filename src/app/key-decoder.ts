import { StringDecoder } from "node:string_decoder";
import type { KeyName } from "../keymap/keys.ts";
import { graphemes } from "../store/text-input.ts";

/** A key, with the text it types if it types any; or a paste, whole. */
export type InputEvent =
  | { readonly type: "key"; readonly key: KeyName; readonly text: string }
  | { readonly type: "paste"; readonly text: string };

const escapeByte = "\u001b";
const pasteStart = "\u001b[200~";
const pasteEnd = "\u001b[201~";
/** A paste without an end must not be collected for ever. */
const longestPaste = 1 << 20;
/** CSI (ECMA-48 5.4) and SS3 sequences, whole. */
const wholeSequence = /^\u001b(?:\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|O[\x40-\x7e])/;
const openSequence = /^\u001b(?:\[[\x30-\x3f]*[\x20-\x2f]*|O)?$/;

/**
 * Turns the bytes of a terminal into keys. Several keys may come in one chunk, and one key in several. A lone escape is
 * told by flush(), which the owner calls when nothing more came for a moment.
 */
export class KeyDecoder {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(bytes: Buffer): InputEvent[] {
    this.#rest += this.#decoder.write(bytes);
    const events: InputEvent[] = [];
    while (this.#rest !== "") {
      const event = this.#next();
      if (event === "incomplete") break;
      if (event !== "unknown") events.push(event);
    }
    return events;
  }

  /** True when an escape waits for what may belong to it. */
  get pending(): boolean {
    return this.#rest.startsWith(escapeByte) && !this.#rest.startsWith(pasteStart);
  }

  /** Nothing more came: an escape alone is the key, anything else half-finished is dropped. */
  flush(): InputEvent[] {
    const rest = this.#rest;
    this.#rest = "";
    if (rest === escapeByte) return [{ type: "key", key: "esc", text: "" }];
    if (rest === `${escapeByte}[` || rest === `${escapeByte}O`)
      return [{ type: "key", key: `alt+${rest.slice(1)}`, text: "" }];
    return [];
  }

  #next(): InputEvent | "incomplete" | "unknown" {
    const text = this.#rest;
    if (text.startsWith(pasteStart)) return this.#paste();
    if (text.startsWith(escapeByte)) return this.#escape();
    const [first = ""] = graphemes(text.slice(0, 64));
    this.#rest = text.slice(first.length);
    return plainKey(first) ?? "unknown";
  }

  #paste(): InputEvent | "incomplete" {
    const end = this.#rest.indexOf(pasteEnd);
    if (end === -1 && this.#rest.length < longestPaste) return "incomplete";
    const text = this.#rest.slice(pasteStart.length, end === -1 ? undefined : end);
    this.#rest = end === -1 ? "" : this.#rest.slice(end + pasteEnd.length);
    return { type: "paste", text };
  }

  #escape(): InputEvent | "incomplete" | "unknown" {
    const sequence = wholeSequence.exec(this.#rest)?.[0];
    if (sequence !== undefined) {
      this.#rest = this.#rest.slice(sequence.length);
      const key = sequenceKey(sequence);
      return key === null ? "unknown" : { type: "key", key, text: "" };
    }
    if (openSequence.test(this.#rest)) return "incomplete";
    // Escape and a character: the character with Alt.
    const [first = ""] = graphemes(this.#rest.slice(1, 65));
    if (first === escapeByte) {
      this.#rest = this.#rest.slice(1);
      return { type: "key", key: "esc", text: "" };
    }
    this.#rest = this.#rest.slice(1 + first.length);
    const plain = plainKey(first);
    return plain?.type === "key" ? { type: "key", key: `alt+${plain.key}`, text: "" } : "unknown";
  }
}

const controls: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\r\n": "enter",
  "\t": "tab",
  "\u007f": "backspace",
  "\b": "backspace",
  " ": "space",
  "\u0000": "ctrl+space",
};

function plainKey(grapheme: string): InputEvent | null {
  const name = controls[grapheme];
  if (name !== undefined) return { type: "key", key: name, text: name === "space" ? " " : "" };
  const code = grapheme.codePointAt(0) ?? 0;
  if (code < 0x20) return { type: "key", key: `ctrl+${String.fromCharCode(code + 0x60)}`, text: "" };
  if (code >= 0x80 && code < 0xa0) return null;
  return { type: "key", key: grapheme, text: grapheme };
}

const finals: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
  Z: "shift+tab",
};

const numbers: Readonly<Record<string, KeyName>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
  11: "f1",
  12: "f2",
  13: "f3",
  14: "f4",
  15: "f5",
  17: "f6",
  18: "f7",
  19: "f8",
  20: "f9",
  21: "f10",
  23: "f11",
  24: "f12",
};

/** xterm's function keys: `CSI 1 ; modifier final`, `CSI number ; modifier ~`, `SS3 final`. Replies and mouse: null. */
function sequenceKey(sequence: string): KeyName | null {
  const match = /^\u001b[[O](\d*)(?:;(\d+))?([A-Z~])$/.exec(sequence);
  if (match === null) return null;
  const [, number = "", modifier = "1", final = ""] = match;
  const base = final === "~" ? numbers[number] : finals[final];
  if (base === undefined || (final === "R" && number !== "" && number !== "1")) return null;
  const bits = Number(modifier) - 1;
  const ctrl = (bits & 4) === 0 ? "" : "ctrl+";
  const alt = (bits & 2) === 0 ? "" : "alt+";
  const shift = (bits & 1) === 0 || base.startsWith("shift+") ? "" : "shift+";
  return ctrl + alt + shift + base;
}
