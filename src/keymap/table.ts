import { commandGroups, commands } from "./commands.ts";
import { formatKey } from "./keys.ts";

/** The table of keys in the README, as Markdown. */
export function keyTable(): string {
  const rows = commandGroups.flatMap((group) =>
    commands
      .filter((command) => command.group === group)
      .map((command) => {
        const keys = command.keys.map((key) => `\`${formatKey(key)}\``).join(" ");
        const notes = [command.dangerous ? "not with `--read-only`" : "", command.asks ? "asks first" : ""];
        return `| ${keys} | ${command.title} | \`${command.id}\` | ${notes.filter(Boolean).join(", ")} |`;
      }),
  );
  return ["| Key | What it does | Command | |", "|---|---|---|---|", ...rows].join("\n");
}
