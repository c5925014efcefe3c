/** How many colours a terminal shows: none, 16, 256 or all. */
export type ColorLevel = 0 | 1 | 2 | 3;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads it from the environment as others do: https://no-color.org, COLORTERM, TERM. */
export function detectColorLevel(env: Environment): ColorLevel {
  if ((env.NO_COLOR ?? "") !== "") return 0;
  const term = env.TERM ?? "";
  if (term === "dumb" || term === "vt100" || term === "vt220" || term.endsWith("-mono")) return 0;
  if (/^(truecolor|24bit)$/i.test(env.COLORTERM ?? "") || term.endsWith("-direct")) return 3;
  return /256/.test(term) ? 2 : 1;
}

/**
 * True where the terminal cannot be trusted with anything but ASCII: a locale that is set and is not UTF-8, or a terminal
 * whose font has no line drawing. A host without any locale is taken for UTF-8, since nearly every terminal is.
 */
export function needsAscii(env: Environment): boolean {
  if (/^(vt100|vt220|dumb)$/.test(env.TERM ?? "")) return true;
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== "");
  return locale !== undefined && !/utf-?8/i.test(locale);
}
