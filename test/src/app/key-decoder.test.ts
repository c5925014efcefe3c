import fc from "fast-check";
import { expect, it } from "vitest";
import { type InputEvent, KeyDecoder } from "../../../src/app/key-decoder.ts";

const decode = (text: string): InputEvent[] => new KeyDecoder().push(Buffer.from(text));
const keys = (text: string) => decode(text).map((event) => (event.type === "key" ? event.key : `paste ${event.text}`));

it("tells keys apart that come in one chunk", () => {
  expect(keys("jjK ")).toEqual(["j", "j", "K", "space"]);
  expect(keys("\u001b[A\u001b[6~\u001b[Z\r\t\u007f")).toEqual([
    "up",
    "pagedown",
    "shift+tab",
    "enter",
    "tab",
    "backspace",
  ]);
  expect(keys("\u0003\u000c\u001b[1;5C\u001bx\u001bOP\u001b[15~")).toEqual([
    "ctrl+c",
    "ctrl+l",
    "ctrl+right",
    "alt+x",
    "f1",
    "f5",
  ]);
  expect(keys("é漢👨‍👩‍👧")).toEqual(["é", "漢", "👨‍👩‍👧"]);
});

it("puts a key together that comes in pieces, and tells a lone escape after a pause", () => {
  const decoder = new KeyDecoder();
  expect(decoder.push(Buffer.from("\u001b"))).toEqual([]);
  expect(decoder.pending).toBe(true);
  expect(decoder.push(Buffer.from("[5"))).toEqual([]);
  expect(decoder.push(Buffer.from("~"))).toEqual([{ type: "key", key: "pageup", text: "" }]);
  expect(decoder.pending).toBe(false);
  decoder.push(Buffer.from("\u001b"));
  expect(decoder.flush()).toEqual([{ type: "key", key: "esc", text: "" }]);
  const euro = Buffer.from("€");
  expect(decoder.push(euro.subarray(0, 1))).toEqual([]);
  expect(decoder.push(euro.subarray(1))).toEqual([{ type: "key", key: "€", text: "€" }]);
});

it("takes a paste as one, and leaves out what terminals answer", () => {
  expect(keys("a\u001b[200~rm -rf /\nq\u001b[201~b")).toEqual(["a", "paste rm -rf /\nq", "b"]);
  expect(keys("\u001b[?62;c\u001b[12;40R\u001b[<0;3;4M\u001b[Ij")).toEqual(["j"]);
});

it("gives the same keys however the bytes are cut", () => {
  const whole = "jK\u001b[A\u001b[1;5Dé\u001b[200~x\u001b[201~\u001b[24~q";
  const bytes = Buffer.from(whole);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }), (cuts) => {
      const decoder = new KeyDecoder();
      const places = [0, ...[...new Set(cuts)].sort((a, b) => a - b), bytes.length];
      const events = places.slice(1).flatMap((end, index) => decoder.push(bytes.subarray(places[index], end)));
      expect(events).toEqual(decode(whole));
    }),
  );
});
