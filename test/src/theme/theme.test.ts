import { expect, it } from "vitest";
import { paint, type Style } from "../../../src/theme/paint.ts";
import { detectColorLevel, needsAscii } from "../../../src/theme/terminal-look.ts";
import { builtInThemes, defaultTheme, nextTheme, parseTheme } from "../../../src/theme/theme.ts";
import { line, span, tones } from "../../../src/theme/tokens.ts";

const style: Style = { theme: defaultTheme(), level: 3, ascii: false, greyed: false };

it("comes with themes that have every tone, each with a colour for 16-colour terminals", () => {
  expect(builtInThemes.map((theme) => theme.name)).toEqual(["dark", "light", "high-contrast"]);
  for (const theme of builtInThemes) {
    for (const tone of tones) {
      const look = theme.tones[tone];
      expect(look.fg === undefined, `${theme.name} ${tone}`).toBe(look.basicFg === undefined);
      expect(look.bg === undefined, `${theme.name} ${tone}`).toBe(look.basicBg === undefined);
    }
  }
  expect(nextTheme("high-contrast").name).toBe("dark");
});

it("names the field of a theme that is wrong", () => {
  const good = { name: "mine", tones: { ...defaultTheme().tones } };
  expect(parseTheme(good, "mine.json").name).toBe("mine");
  const wrong = { ...good, tones: { ...good.tones, ok: { fg: "green" } } };
  expect(() => parseTheme(wrong, "mine.json")).toThrow("theme mine.json: tones.ok.fg: not a colour such as #7aa2f7");
  expect(() => parseTheme({ ...good, tones: { ...good.tones, okay: {} } }, "mine.json")).toThrow(/theme mine.json: /);
  expect(() => parseTheme([], "mine.json")).toThrow(/^theme mine.json: /);
});

it("paints for what the terminal can show", () => {
  const row = [line(span("up", "ok"))];
  expect(paint(row, style)).toBe("\u001b[38;2;127;208;138mup\u001b[39m");
  expect(paint(row, { ...style, level: 2 })).toBe("\u001b[38;5;114mup\u001b[39m");
  expect(paint(row, { ...style, level: 1 })).toBe("\u001b[32mup\u001b[39m");
  expect(paint(row, { ...style, level: 0 })).toBe("up");
});

it("shows the row under the cursor without any colour", () => {
  const row = [{ spans: [span("web-1", "strong")], fill: "selection" as const }];
  expect(paint(row, { ...style, level: 0 })).toContain("\u001b[7m");
});

it("greys everything, alarms as well, while the engine is lost", () => {
  const grey = paint([line(span("x", "faint"))], style);
  expect(paint([line(span("x", "ok"))], { ...style, greyed: true })).toBe(grey);
  expect(paint([line(span("x", "error"))], { ...style, greyed: true })).toBe(grey);
});

it("keeps the width when it may use ASCII only", () => {
  const ascii = (text: string) => paint([line(span(text, "text"))], { ...style, ascii: true });
  expect(ascii("╭─ ● 80→8080 ╮")).toBe("+- * 80>8080 +");
  expect(ascii("漢é⡇⠉⣀ ")).toBe("???:'. ");
});

it("finds out what a terminal can show", () => {
  expect(detectColorLevel({ TERM: "xterm", COLORTERM: "truecolor" })).toBe(3);
  expect(detectColorLevel({ TERM: "screen-256color" })).toBe(2);
  expect(detectColorLevel({ TERM: "linux" })).toBe(1);
  expect(detectColorLevel({ TERM: "dumb" })).toBe(0);
  expect(detectColorLevel({ TERM: "xterm-256color", NO_COLOR: "1" })).toBe(0);
  expect(needsAscii({ LANG: "C.UTF-8" })).toBe(false);
  expect(needsAscii({ LANG: "en_US.UTF-8", LC_ALL: "C" })).toBe(true);
  expect(needsAscii({ TERM: "vt100" })).toBe(true);
  expect(needsAscii({ TERM: "xterm" })).toBe(false);
});
