import { sections, type Verb } from "./verbs.ts";

/** `gantry --help` */
export function topHelp(): string {
  const width = 18;
  const parts = sections.map(([title, prefix, verbs]) => `${title}:\n${listVerbs(prefix, verbs, width)}`);
  return `Usage: gantry [--root DIR] [--run DIR] [COMMAND]

A container engine and its dashboard. Without a command on a terminal: the dashboard.

${parts.join("\n\n")}

Options:
  --root DIR        state of the engine (default: $GANTRY_ROOT or /var/lib/gantry)
  --run DIR         sockets of the engine (default: $GANTRY_RUN or /run/gantry)
  --config DIR      accounts at registries (default: $DOCKER_CONFIG or ~/.docker)
  --theme NAME      colours of the dashboard
  --keymap FILE     other keys for the dashboard, as JSON
  --ascii           the dashboard without box drawing and braille
  --read-only       the dashboard without anything that changes or removes
  --version         show the version
  --help            show this help

gantry COMMAND --help tells more about a command.`;
}

/** `gantry container --help` */
export function groupHelp(group: string, verbs: Readonly<Record<string, Verb | undefined>>): string {
  return `Usage: gantry ${group} COMMAND\n\n${listVerbs("", verbs, 12)}`;
}

function listVerbs(prefix: string, verbs: Readonly<Record<string, Verb | undefined>>, width: number): string {
  return Object.entries(verbs)
    .map(([name, verb]) => `  ${`${prefix}${name}`.padEnd(width)}  ${verb?.summary ?? ""}`)
    .join("\n");
}
