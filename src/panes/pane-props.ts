import type { Mirror } from "../store/mirror.ts";
import type { Prefs } from "../store/prefs.ts";
import type { Ui } from "../store/ui.ts";
import type { Style } from "../theme/paint.ts";
import type { Span } from "../theme/tokens.ts";
import type { LogView } from "./logs/view-model.ts";

/** What every pane is given. */
export type PaneProps = {
  readonly mirror: Mirror;
  readonly ui: Ui;
  readonly prefs: Prefs;
  readonly style: Style;
  readonly columns: number;
  readonly rows: number;
  readonly focused: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Its name, or the tabs when it shares its place. */
  readonly title: readonly Span[];
  /** False with --read-only: then nothing is said that cannot be done. */
  readonly mayChange: boolean;
  /** The key of the form for a new container, or null. */
  readonly createKey: string | null;
  /** The key that asks what to pull, or null. */
  readonly pullKey: string | null;
  /** The key of the form for a new volume, or null. */
  readonly volumeKey: string | null;
  /** What the logs pane has drawn, for those who scroll it. */
  readonly onLogView: (view: LogView) => void;
};
