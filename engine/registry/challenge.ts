export type Challenge = {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
};

const longestHeader = 8 * 1024;

/**
 * Reads a WWW-Authenticate header, which may hold several challenges (RFC 9110, 11.6.1): `Bearer realm="…",service="…", Basic realm="…"`.
 * What cannot be read is left out.
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  if (header === undefined || header.length > longestHeader) return [];
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  // A word before `=` is a parameter of the last scheme, one before a blank or the end is the next scheme.
  const pattern = /([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*,?\s*/gy;
  for (const [, word = "", quoted, plain] of header.trim().matchAll(pattern)) {
    if (quoted === undefined && plain === undefined) {
      challenges.push({ scheme: word.toLowerCase(), parameters: {} });
      continue;
    }
    const last = challenges.at(-1);
    if (last !== undefined) last.parameters[word.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  }
  return challenges;
}

/** The one to answer: a token server's before a plain password. Null where there is none that we know. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | null {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm !== undefined);
  return bearer ?? challenges.find(({ scheme }) => scheme === "basic") ?? null;
}

export function parseScopes(text: string | undefined): string[] {
  return (text ?? "")
    .split(/\s+/)
    .filter((scope) => /^[a-z]+(?:\([a-z]+\))?:[^\s:]*(?::\d+\/[^\s:]+)?:[\w*,-]+$/.test(scope));
}
