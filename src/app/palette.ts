import { Fzf } from "fzf";
import type { CommandID } from "../keymap/commands.ts";
import { type Keymap, keysOf } from "../keymap/keymap.ts";
import type { Place } from "../keymap/panes.ts";
import { builtInThemes, type Theme } from "../theme/theme.ts";

/** An entry of the command palette: a command that means something where one is, or a theme. */
export type PaletteEntry = {
  readonly title: string;
  readonly keys: string;
  readonly run:
    | { readonly kind: "command"; readonly id: CommandID }
    | { readonly kind: "theme"; readonly theme: Theme };
};

export type PaletteMatch = { readonly entry: PaletteEntry; readonly positions: ReadonlySet<number> };

/** The package's own types need an older module resolution. */
type FzfMatch = { readonly item: PaletteEntry; readonly positions: ReadonlySet<number> };

/** What the palette offers; moving about is left to the keys. */
export function paletteEntries(keymap: Keymap, place: Place): readonly PaletteEntry[] {
  const entries: PaletteEntry[] = keymap.bindings
    .filter(({ command }) => command.panes.includes(place) && !hidden(command.id))
    .map(({ command }) => ({
      title:
        command.id.startsWith("pane.") && /\d/.test(command.keys[0] ?? "") ? `Go to ${command.short}` : command.title,
      keys: keysOf(keymap, command.id),
      run: { kind: "command", id: command.id },
    }));
  const themes: PaletteEntry[] = builtInThemes.map((theme) => ({
    title: `Theme: ${theme.name}`,
    keys: "",
    run: { kind: "theme", theme },
  }));
  const isMove = ({ run }: PaletteEntry) =>
    run.kind === "command" && run.id.startsWith("pane.") && run.id !== "pane.fullscreen";
  // Where to go has keys of its own on the screen: what is done comes first.
  return [...entries.filter((entry) => !isMove(entry)), ...entries.filter(isMove), ...themes];
}

function hidden(id: CommandID): boolean {
  return id.startsWith("cursor.") || id.startsWith("page.") || id === "palette.open" || id === "back";
}

/** The entries that fit what was typed, best first; all in their order for nothing. */
export function searchPalette(entries: readonly PaletteEntry[], query: string): readonly PaletteMatch[] {
  if (query.trim() === "") return entries.map((entry) => ({ entry, positions: new Set() }));
  const fzf = new Fzf(entries, { selector: (entry: PaletteEntry) => entry.title, casing: "case-insensitive" });
  return fzf.find(query.trim()).map((match: FzfMatch) => ({ entry: match.item, positions: match.positions }));
}
