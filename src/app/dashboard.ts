import type { ReconnectingClient } from "../client/reconnect.ts";
import type { Keymap } from "../keymap/keymap.ts";
import type { Browser, BrowserAction } from "../store/browser.ts";
import type { Mirror, MirrorAction } from "../store/mirror.ts";
import type { Prefs, PrefsAction } from "../store/prefs.ts";
import type { Store } from "../store/store.ts";
import type { Flash, Ui, UiAction } from "../store/ui.ts";
import type { Size } from "./layout.ts";
import type { Loan } from "./screen.ts";

/** What commands do with the terminal. */
export type TerminalAccess = {
  size(): Size;
  onResize(listener: () => void): () => void;
  wipe(): void;
  copy(text: string): void;
  lend(run: (loan: Loan) => Promise<void>): Promise<void>;
};

/** What a dashboard consists of, for those who act on it. */
export type Dashboard = {
  readonly mirror: Store<Mirror, MirrorAction>;
  readonly ui: Store<Ui, UiAction>;
  readonly prefs: Store<Prefs, PrefsAction>;
  /** The screens of the file browser. */
  readonly browser: Store<Browser, BrowserAction>;
  readonly client: Pick<ReconnectingClient, "request" | "openStream" | "subscribe" | "retryNow" | "state" | "onState">;
  readonly keymap: Keymap;
  readonly terminal: TerminalAccess;
  /** Older lines of the logs, when the view has come to the first one; newer ones, where they were dropped. */
  readonly pageLogs: (direction: "older" | "newer") => void;
  /** Reads the newest lines again. */
  readonly reopenLogs: () => void;
  readonly quit: () => void;
};

export function flash(
  dashboard: Pick<Dashboard, "ui">,
  flashed: Partial<Flash> & Pick<Flash, "tone" | "message">,
): void {
  dashboard.ui.dispatch({ type: "flash", flash: { hint: "", twin: "", ...flashed } });
}
