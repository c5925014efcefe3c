import stringWidth from "../components/string-width.ts";
import { asciiGlyphs, type Glyphs, unicodeGlyphs } from "./glyphs.ts";
import type { ColorLevel } from "./terminal-look.ts";
import { basicColors, type Look, type Theme } from "./theme.ts";
import type { Line, Tone } from "./tokens.ts";

/** How everything is drawn now: theme, what the terminal can show, and whether the screen is greyed. */
export type Style = {
  readonly theme: Theme;
  readonly level: ColorLevel;
  readonly ascii: boolean;
  /** True while what is shown may be out of date. */
  readonly greyed: boolean;
};

export function glyphsOf(style: Style): Glyphs {
  return style.ascii ? asciiGlyphs : unicodeGlyphs;
}

type Codes = { readonly open: string; readonly close: string };

const codesByStyle = new WeakMap<Style, Map<string, Codes>>();

/** Turns rows into text with the colours of the style: rows joined by newlines. */
export function paint(lines: readonly Line[], style: Style): string {
  return lines.map((row) => paintLine(row, style)).join("\n");
}

function paintLine(row: Line, style: Style): string {
  let text = "";
  for (const part of row.spans) {
    if (part.text === "") continue;
    const { open, close } = codesFor(part.tone, part.fill ?? row.fill, style);
    text += open + (style.ascii ? toAscii(part.text) : part.text) + close;
  }
  return text;
}

function codesFor(tone: Tone, fill: Tone | undefined, style: Style): Codes {
  const known = codesByStyle.get(style) ?? new Map<string, Codes>();
  codesByStyle.set(style, known);
  const key = `${tone} ${fill ?? ""}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const codes = sgr(resolveLook(tone, fill, style), style.level);
  known.set(key, codes);
  return codes;
}

function resolveLook(tone: Tone, fill: Tone | undefined, style: Style): Look {
  const { tones } = style.theme;
  if (style.greyed) return tones.faint;
  if (fill === undefined) return tones[tone];
  // The row's own colours win, so that a selected row is legible whatever stands on it.
  return { ...tones[tone], ...tones[fill] };
}

/** SGR parameters, ECMA-48 8.3.117. */
function sgr(look: Look, level: ColorLevel): Codes {
  const open: string[] = [];
  const close: string[] = [];
  if (look.bold === true) {
    open.push("1");
    close.push("22");
  }
  if (look.underline === true) {
    open.push("4");
    close.push("24");
  }
  const hasBackground = look.bg !== undefined || look.basicBg !== undefined;
  if (look.inverse === true || (level === 0 && hasBackground)) {
    open.push("7");
    close.push("27");
  }
  const foreground = colorCode(look.fg, look.basicFg, { level, background: false });
  if (foreground !== null) {
    open.push(foreground);
    close.push("39");
  }
  const background = colorCode(look.bg, look.basicBg, { level, background: true });
  if (background !== null) {
    open.push(background);
    close.push("49");
  }
  if (open.length === 0) return { open: "", close: "" };
  return {
    open: open.map((code) => `\u001b[${code}m`).join(""),
    close: close.map((code) => `\u001b[${code}m`).join(""),
  };
}

type ColorPlace = { readonly level: ColorLevel; readonly background: boolean };

function colorCode(exact: string | undefined, basic: Look["basicFg"], place: ColorPlace): string | null {
  if (place.level === 0) return null;
  if (place.level >= 2 && exact !== undefined) {
    const [red, green, blue] = channels(exact);
    const kind = place.background ? 48 : 38;
    return place.level === 3 ? `${kind};2;${red};${green};${blue}` : `${kind};5;${toPalette(red, green, blue)}`;
  }
  if (basic === undefined) return null;
  const index = basicColors.indexOf(basic);
  const first = place.background ? 40 : 30;
  return String(index < 8 ? first + index : first + 60 + index - 8);
}

function channels(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

const cubeSteps = [0, 95, 135, 175, 215, 255];

/** Nearest of xterm's 256 colours: its 6x6x6 cube, or its ramp of greys. */
function toPalette(red: number, green: number, blue: number): number {
  const cube = [red, green, blue].map(nearestStep);
  const fromCube = cube.map((step) => cubeSteps[step] ?? 0);
  const grey = Math.max(0, Math.min(23, Math.round(((red + green + blue) / 3 - 8) / 10)));
  const greyValue = 8 + grey * 10;
  const wanted = [red, green, blue];
  const cubeError = distance(wanted, fromCube);
  const greyError = distance(wanted, [greyValue, greyValue, greyValue]);
  const [r = 0, g = 0, b = 0] = cube;
  return greyError < cubeError ? 232 + grey : 16 + 36 * r + 6 * g + b;
}

function nearestStep(value: number): number {
  let best = 0;
  for (const [index, step] of cubeSteps.entries()) {
    if (Math.abs(step - value) < Math.abs((cubeSteps[best] ?? 0) - value)) best = index;
  }
  return best;
}

function distance(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + (value - (right[index] ?? 0)) ** 2, 0);
}

const plainText = /^[\x20-\x7e]*$/;
const segmenter = new Intl.Segmenter();
const asciiTwins = asciiTable();

/** The same number of cells in ASCII; what has no plain form becomes question marks. */
function toAscii(text: string): string {
  if (plainText.test(text)) return text;
  let plain = "";
  for (const { segment } of segmenter.segment(text)) {
    plain += plainText.test(segment) ? segment : (asciiTwins.get(segment) ?? asciiTwin(segment));
  }
  return plain;
}

function asciiTwin(segment: string): string {
  const code = segment.codePointAt(0) ?? 0;
  if (code >= 0x2800 && code <= 0x28ff) return brailleTwin(code - 0x2800);
  return "?".repeat(stringWidth(segment));
}

/** Braille cells are drawn with the half of the cell that has the more dots. */
function brailleTwin(dots: number): string {
  const upper = dots & 0b0001_1011;
  const lower = dots & 0b1110_0100;
  if (upper !== 0 && lower !== 0) return ":";
  if (upper !== 0) return "'";
  return lower === 0 ? " " : ".";
}

function asciiTable(): ReadonlyMap<string, string> {
  const twins = new Map<string, string>();
  for (const key of Object.keys(unicodeGlyphs) as (keyof Glyphs)[]) {
    const sign = unicodeGlyphs[key];
    const plain = asciiGlyphs[key];
    if (typeof sign === "string" && typeof plain === "string") twins.set(sign, plain);
  }
  for (const sign of unicodeGlyphs.bar) twins.set(sign, "#");
  return twins;
}
