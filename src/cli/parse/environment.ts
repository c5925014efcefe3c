import { UsageError } from "./usage-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `-e NAME=value`, or `-e NAME` with the value of our own environment; where it has none the bare name, which takes the variable of
 * the image away.
 */
export function parseVariable(text: string, environment: Environment): string {
  const equals = text.indexOf("=");
  if (text === "" || equals === 0) throw new UsageError(`invalid environment variable "${text}": the name is missing`);
  if (equals !== -1) return text;
  const value = environment[text];
  return value === undefined ? text : `${text}=${value}`;
}

/** The lines of an `--env-file`: `NAME=value` taken literally, `NAME` alone with our own value if there is one, blank lines and # comments skipped. */
export function parseEnvironmentFile(path: string, content: string, environment: Environment): string[] {
  const variables: string[] = [];
  for (const [number, line] of fileLines(content)) {
    const name = line.split("=", 1)[0] ?? "";
    if (name === "" || /\s/.test(name)) {
      throw new UsageError(`${path}:${number}: "${name}" is not a name of an environment variable`);
    }
    const variable = parseVariable(line, environment);
    if (variable.includes("=")) variables.push(variable);
  }
  return variables;
}

/** `--label key[=value]` */
export function parseLabel(text: string): [string, string] {
  const equals = text.indexOf("=");
  const key = equals === -1 ? text : text.slice(0, equals);
  if (key === "") throw new UsageError(`invalid label "${text}": the key is missing`);
  return [key, equals === -1 ? "" : text.slice(equals + 1)];
}

/** The lines of a `--label-file`. */
export function parseLabelFile(content: string): [string, string][] {
  return fileLines(content).map(([, line]) => parseLabel(line));
}

function fileLines(content: string): [number, string][] {
  const lines = content.replace(/^\uFEFF/, "").split("\n");
  return lines
    .map((line, index): [number, string] => [index + 1, line.replace(/\r$/, "").trimStart()])
    .filter(([, line]) => line !== "" && !line.startsWith("#"));
}
