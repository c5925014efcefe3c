import type { Place } from "./panes.ts";

/** What a key or the palette can do. */
export type Command = {
  readonly id: string;
  /** A sentence's beginning, for help and palette: "Restart the container". */
  readonly title: string;
  /** One word or two for the footer. */
  readonly short: string;
  /** Panes, screens of the file browser, and views over the panes, in which it means something. */
  readonly panes: readonly Place[];
  /** True when it changes something on the host: left out with --read-only. */
  readonly dangerous: boolean;
  /** True when it asks before it acts. */
  readonly asks: boolean;
  /** Default keys, written as in keys.ts. */
  readonly keys: readonly string[];
  /** Place in the footer, lower is more important; null: not there. */
  readonly footer: number | null;
  readonly group: CommandGroup;
};

export const commandGroups = [
  "Move",
  "Containers",
  "Images and lists",
  "Networks and volumes",
  "Builds",
  "Logs",
  "Files",
  "Screen",
] as const;
export type CommandGroup = (typeof commandGroups)[number];
