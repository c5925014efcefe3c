import { commandGroups } from "./command.ts";
import { commands } from "./commands.ts";
import { formatKey } from "./keys.ts";

/** The table of keys in the README, as Markdown with columns of even width, which is how the formatter wants it. */
export function keyTable(): string {
  const rows = commandGroups.flatMap((group) =>
    commands
      .filter((command) => command.group === group)
      .map((command) => {
        const keys = command.keys.map((key) => `\`${formatKey(key)}\``).join(" ");
        const notes = [command.dangerous ? "not with `--read-only`" : "", command.asks ? "asks first" : ""];
        return [keys, command.title, `\`${command.id}\``, notes.filter((note) => note !== "").join(", ")];
      }),
  );
  const all = [["Key", "What it does", "Command", "Notes"], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const lines = all.map((row) => `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`);
  const [header = "", ...others] = lines;
  return [header, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...others].join("\n");
}
