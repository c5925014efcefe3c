import type { CommandID } from "../keymap/commands.ts";
import { type Pane, panes } from "../keymap/panes.ts";
import * as containers from "../panes/containers/actions.ts";
import { openLimits } from "../panes/containers/limits-form.ts";
import { askName, rename } from "../panes/containers/rename.ts";
import { attach, openShell } from "../panes/containers/terminal-actions.ts";
import { openDetails } from "../panes/details-actions.ts";
import * as files from "../panes/files/actions.ts";
import { openCommitForm } from "../panes/files/commit.ts";
import { compare } from "../panes/files/compare.ts";
import { askExtract, extract, stopExtract } from "../panes/files/extract.ts";
import { scrollSideways, toggleHex } from "../panes/files/file-actions.ts";
import { browse, browseLayer } from "../panes/files/open-tree.ts";
import * as images from "../panes/images/actions.ts";
import type { LogView } from "../panes/logs/view-model.ts";
import { openPrune } from "../panes/prune/actions.ts";
import { rowsOf, selectedIndex } from "../store/selectors.ts";
import { emptyInput, inputOf } from "../store/text-input.ts";
import { isMarkPane } from "../store/ui.ts";
import { nextTheme } from "../theme/theme.ts";
import { buildHandlers, confirmedBuilds } from "./build-handlers.ts";
import { copy } from "./copy.ts";
import { type Dashboard, flash } from "./dashboard.ts";
import { askDelete, removeAsked } from "./delete-handlers.ts";
import { confirmedImages, imageHandlers, type TypedLine, typedImages } from "./image-handlers.ts";
import { neighbour } from "./layout.ts";
import { followLog, move } from "./movement.ts";
import { confirmedNetworks, networkHandlers } from "./network-handlers.ts";
import { flashError } from "./run-on-each.ts";

export type ExecuteContext = { readonly logView: LogView | null };
type Handler = (dashboard: Dashboard, context: ExecuteContext) => void | Promise<void>;

/** What each command does. */
const handlers: Readonly<Record<CommandID, Handler>> = {
  "cursor.down": (dashboard, { logView }) => move(dashboard, "down", logView),
  "cursor.up": (dashboard, { logView }) => move(dashboard, "up", logView),
  "cursor.first": (dashboard, { logView }) => move(dashboard, "first", logView),
  "cursor.last": (dashboard, { logView }) => move(dashboard, "last", logView),
  "page.up": (dashboard, { logView }) => move(dashboard, "page-up", logView),
  "page.down": (dashboard, { logView }) => move(dashboard, "page-down", logView),
  "pane.next": (dashboard) => focus(dashboard, neighbour(dashboard.ui.get().focus, 1)),
  "pane.previous": (dashboard) => focus(dashboard, neighbour(dashboard.ui.get().focus, -1)),
  "pane.containers": (dashboard) => focus(dashboard, panes[0]),
  "pane.images": (dashboard) => focus(dashboard, panes[1]),
  "pane.layers": (dashboard) => focus(dashboard, panes[2]),
  "pane.logs": (dashboard) => focus(dashboard, panes[3]),
  "pane.stats": (dashboard) => focus(dashboard, panes[4]),
  "pane.networks": (dashboard) => focus(dashboard, panes[5]),
  "pane.volumes": (dashboard) => focus(dashboard, panes[6]),
  "container.toggle": containers.toggle,
  "container.restart": containers.restart,
  "container.pause": containers.pause,
  "container.shell": openShell,
  "container.attach": attach,
  "container.logs": (dashboard) => focus(dashboard, "logs"),
  "container.kill": containers.askKill,
  "container.limits": openLimits,
  "container.rename": askName,
  "container.prune": openPrune("containers"),
  "object.delete": askDelete,
  "container.create": images.openCreateForm,
  ...imageHandlers,
  ...networkHandlers,
  ...buildHandlers,
  "details.open": openDetails,
  "files.browse": browse,
  "layer.browse": browseLayer,
  "files.compare": compare,
  "files.open": files.open,
  "files.up": files.up,
  "layer.previous": files.stepLayer(-1),
  "layer.next": files.stepLayer(1),
  "files.view": files.toggleView,
  "files.changed": files.toggleChanged,
  "files.minimum": files.nextMinimum,
  "files.order": files.toggleOrder,
  "files.waste": files.openWaste,
  "layer.details": files.showLayer,
  "files.extract": askExtract,
  "files.commit": openCommitForm,
  "file.hex": toggleHex,
  "file.left": scrollSideways(-1),
  "file.right": scrollSideways(1),
  "files.close": files.close,
  "mark.toggle": toggleMark,
  copy,
  "filter.open": openFilter,
  "logs.timestamps": (dashboard) => dashboard.prefs.dispatch({ type: "log-times" }),
  "logs.wrap": (dashboard) => dashboard.prefs.dispatch({ type: "log-wrap" }),
  "logs.follow": followLog,
  "pane.fullscreen": (dashboard) => dashboard.ui.dispatch({ type: "fullscreen", on: !dashboard.ui.get().fullscreen }),
  back,
  "theme.next": (dashboard) => {
    const theme = nextTheme(dashboard.prefs.get().theme.name);
    dashboard.prefs.dispatch({ type: "theme", theme });
    flash(dashboard, { tone: "info", message: `theme ${theme.name}`, twin: `gantry --theme ${theme.name}` });
  },
  "engine.retry": (dashboard) => dashboard.client.retryNow(),
  "screen.repaint": (dashboard) => {
    dashboard.terminal.wipe();
    dashboard.ui.dispatch({ type: "repaint" });
  },
  "help.open": (dashboard) => dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "help", scroll: 0 } }),
  "palette.open": (dashboard) =>
    dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "palette", query: emptyInput, index: 0 } }),
  quit: askQuit,
};

/** Commands that were asked about, with the answer yes. */
const confirmed: Partial<Record<CommandID, (dashboard: Dashboard, targets: readonly string[]) => Promise<void>>> = {
  "container.kill": containers.kill,
  ...confirmedImages,
  ...confirmedNetworks,
  ...confirmedBuilds,
  "files.extract": stopExtract,
  quit: async (dashboard) => dashboard.quit(),
  "object.delete": removeAsked,
};

/** Commands that a line was typed for. */
const typed: typeof typedImages = {
  ...typedImages,
  "container.rename": (dashboard, { targets, text }) => rename(dashboard, targets, text),
  "files.extract": (dashboard, { targets, text }) => extract(dashboard, targets, text),
};

export function execute(dashboard: Dashboard, id: CommandID, context: ExecuteContext): void {
  settle(dashboard, () => handlers[id](dashboard, context));
}

export function executeConfirmed(dashboard: Dashboard, id: CommandID, targets: readonly string[]): void {
  settle(dashboard, () => confirmed[id]?.(dashboard, targets));
}

export function executeTyped(dashboard: Dashboard, id: CommandID, line: TypedLine): void {
  settle(dashboard, () => typed[id]?.(dashboard, line));
}

/** A command that fails says so in the flash line, and never ends the dashboard. */
function settle(dashboard: Dashboard, run: () => void | Promise<void> | undefined): void {
  try {
    Promise.resolve(run()).catch((cause) => flashError(dashboard, cause));
  } catch (cause) {
    flashError(dashboard, cause);
  }
}

function focus(dashboard: Dashboard, pane: Pane): void {
  dashboard.ui.dispatch({ type: "focus", pane });
}

/** Containers go on without us, but what we asked the engine to pull or push does not. */
function askQuit(dashboard: Dashboard): void {
  const { works } = dashboard.ui.get();
  const [work] = works;
  if (work === undefined) {
    dashboard.quit();
    return;
  }
  const more = works.length > 1 ? ` and ${works.length - 1} more` : "";
  const question = `quit, which ends ${work.title}${more}?`;
  dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "confirm", question, command: "quit", targets: [] } });
}

function toggleMark(dashboard: Dashboard): void {
  const ui = dashboard.ui.get();
  const pane = ui.focus;
  if (!isMarkPane(pane)) return;
  const rows = rowsOf(dashboard.mirror.get(), ui, pane);
  const index = selectedIndex(rows, ui.selections[pane]);
  const row = rows[index];
  if (row === undefined) return;
  dashboard.ui.dispatch({ type: "mark", pane, id: row.id });
  // Marking goes down the list: the next one is likely wanted as well.
  const next = Math.min(rows.length - 1, index + 1);
  dashboard.ui.dispatch({ type: "select", pane, selection: { id: rows[next]?.id ?? null, index: next } });
}

function openFilter(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind === "events") {
    const input = inputOf(overlay.filter);
    const prompt = { kind: "filter", pane: "events", input, before: overlay.filter } as const;
    dashboard.ui.dispatch({ type: "prompt", prompt });
    return;
  }
  const screen = files.topScreen(dashboard);
  if (screen !== null) {
    const text = files.filterOf(screen);
    const input = inputOf(text);
    dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "filter", pane: "files", input, before: text } });
    return;
  }
  const { focus: pane, filters } = dashboard.ui.get();
  const before = filters[pane];
  dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "filter", pane, input: inputOf(before), before } });
}

/** One step back at a time: what lies uppermost goes first. */
function back(dashboard: Dashboard): void {
  const ui = dashboard.ui.get();
  if (ui.flash !== null) dashboard.ui.dispatch({ type: "flash", flash: null });
  if (files.topScreen(dashboard) !== null) files.back(dashboard);
  else if (ui.filters[ui.focus] !== "") dashboard.ui.dispatch({ type: "filter", pane: ui.focus, text: "" });
  else if (ui.fullscreen) dashboard.ui.dispatch({ type: "fullscreen", on: false });
  else if (ui.focus === "logs" && ui.logBottom !== null) followLog(dashboard);
  else if (isMarkPane(ui.focus) && ui.marks[ui.focus].length > 0) {
    dashboard.ui.dispatch({ type: "unmark", pane: ui.focus, ids: ui.marks[ui.focus] });
  } else if (ui.focus !== "containers") focus(dashboard, "containers");
}
