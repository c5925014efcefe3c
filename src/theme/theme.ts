import * as z from "zod/mini";
import { EngineError } from "../../engine/errors.ts";
import dark from "../../themes/dark.json" with { type: "json" };
import highContrast from "../../themes/high-contrast.json" with { type: "json" };
import light from "../../themes/light.json" with { type: "json" };
import { type Tone, tones } from "./tokens.ts";

export const basicColors = [
  "black",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;
export type BasicColor = (typeof basicColors)[number];

const hex = z.string().check(z.regex(/^#[0-9a-fA-F]{6}$/, "not a colour such as #7aa2f7"));
const basic = z.enum(basicColors);

/** `fg`, `bg`: exact colours. `basicFg`, `basicBg`: what a terminal with 16 colours shows instead. */
const look = z.strictObject({
  fg: z.optional(hex),
  bg: z.optional(hex),
  basicFg: z.optional(basic),
  basicBg: z.optional(basic),
  bold: z.optional(z.boolean()),
  underline: z.optional(z.boolean()),
  inverse: z.optional(z.boolean()),
});
export type Look = Readonly<z.infer<typeof look>>;

const themeSchema = z.strictObject({
  name: z.string(),
  tones: z.record(z.enum(tones), look),
});

export type Theme = { readonly name: string; readonly tones: Readonly<Record<Tone, Look>> };

/** Checks a theme's JSON. Fails with `invalid-argument` that names `origin` and the wrong field. */
export function parseTheme(value: unknown, origin: string): Theme {
  const parsed = themeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  throw new EngineError("invalid-argument", `theme ${origin}: ${where}${issue?.message ?? "not a theme"}`, {
    hint: `every tone of ${tones.slice(0, 3).join(", ")}, … needs a look; start from a copy of themes/dark.json`,
  });
}

/** The themes that come with the dashboard; the first is the default. */
export const builtInThemes: readonly Theme[] = [
  parseTheme(dark, "dark"),
  parseTheme(light, "light"),
  parseTheme(highContrast, "high-contrast"),
];

export function findTheme(name: string): Theme | null {
  return builtInThemes.find((theme) => theme.name === name) ?? null;
}

/** The theme after this one, for switching through all of them. */
export function nextTheme(name: string): Theme {
  const index = builtInThemes.findIndex((theme) => theme.name === name);
  return builtInThemes[(index + 1) % builtInThemes.length] ?? defaultTheme();
}

export function defaultTheme(): Theme {
  const [first] = builtInThemes;
  if (first === undefined) throw new EngineError("internal", "the dashboard was built without a theme");
  return first;
}
