import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { render } from "ink";
import { EngineError, messageOf } from "../engine/errors.ts";
import { App } from "./app/App.tsx";
import { Batch } from "./app/batch.ts";
import { BrowserFeed } from "./app/browser-feed.ts";
import { BuildFeed } from "./app/build-feed.ts";
import type { Dashboard } from "./app/dashboard.ts";
import { DetailsFeed } from "./app/details-feed.ts";
import { feedMirror } from "./app/engine-feed.ts";
import { EventFeed } from "./app/event-feed.ts";
import { clearFlashes } from "./app/flash-timer.ts";
import { handleInput } from "./app/input-handler.ts";
import { Screen } from "./app/screen.ts";
import { SubjectFeed } from "./app/subject-feed.ts";
import { guardTerminal } from "./app/terminal-guard.ts";
import { isRoot } from "./client/become-root.ts";
import { connectEngine, type EngineClient } from "./client/connection.ts";
import { openEngine } from "./client/open-engine.ts";
import { type EnginePaths, enginePaths } from "./client/paths.ts";
import { type ConnectAttempt, ReconnectingClient } from "./client/reconnect.ts";
import { createKeymap, type Keymap, readKeymapFile, userKeymapPath } from "./keymap/keymap.ts";
import type { LogView } from "./panes/logs/view-model.ts";
import { closedBrowser, reduceBrowser } from "./store/browser.ts";
import { emptyMirror, type MirrorAction, reduceMirror } from "./store/mirror.ts";
import { pinSelections } from "./store/pin-selections.ts";
import { reducePrefs } from "./store/prefs.ts";
import { createStore } from "./store/store.ts";
import { initialUi, reduceUi } from "./store/ui.ts";
import { detectColorLevel, needsAscii } from "./theme/terminal-look.ts";
import { builtInThemes, defaultTheme, findTheme, parseTheme, type Theme } from "./theme/theme.ts";

export type DashboardOptions = {
  readonly root?: string;
  readonly run?: string;
  /** A theme's name, or the path of a theme's JSON. */
  readonly theme?: string;
  readonly readOnly?: boolean;
  /** Path of a keymap's JSON. */
  readonly keymap?: string;
  /** Draw with ASCII only; else it is found out. */
  readonly ascii?: boolean;
};

const clientName = "gantry dashboard";

/**
 * Shows the dashboard until the user quits; resolves with the exit code. Fails, before anything is drawn, with an EngineError
 * for a wrong theme or keymap, a missing terminal, or an engine that cannot be reached without being root.
 */
export async function runDashboard(options: DashboardOptions): Promise<number> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new EngineError("failed-precondition", "the dashboard needs a terminal", {
      hint: "for scripts there are commands: gantry ps, gantry stats, see gantry help",
    });
  }
  const theme = chooseTheme(options.theme);
  const keymap = loadKeymap(options);
  const connect = await chooseConnect(enginePaths(options));
  const look = {
    level: detectColorLevel(process.env),
    ascii: options.ascii ?? needsAscii(process.env),
  };
  return show({ options, theme, keymap, connect, look });
}

type Parts = {
  readonly options: DashboardOptions;
  readonly theme: Theme;
  readonly keymap: Keymap;
  readonly connect: (attempt: ConnectAttempt) => Promise<EngineClient>;
  readonly look: { readonly level: ReturnType<typeof detectColorLevel>; readonly ascii: boolean };
};

async function show({ options, theme, keymap, connect, look }: Parts): Promise<number> {
  const mirror = createStore(reduceMirror, emptyMirror);
  const ui = createStore(reduceUi, initialUi);
  const prefs = createStore(reducePrefs, { theme, logTimes: false, logWrap: false });
  const browser = createStore(reduceBrowser, closedBrowser);
  using client = new ReconnectingClient({ connect });
  using batch = new Batch<MirrorAction>(mirror, { isPatient: ({ type }) => type === "stats" });
  const take = (action: MirrorAction) => batch.add(action);
  using _feed = feedMirror(client, take);
  using subjects = new SubjectFeed({ client, mirror, ui, take });
  using _files = new BrowserFeed({ client, browser, mirror });
  using _builds = new BuildFeed({ client, mirror, ui, take });
  using _events = new EventFeed({ client, mirror, ui, take });
  const drawn: { logView: LogView | null } = { logView: null };
  using screen = new Screen(process.stdin, process.stdout, (events) => {
    for (const event of events) handleInput(dashboard, event, drawn);
  });
  const ended = Promise.withResolvers<number>();
  const dashboard: Dashboard = {
    mirror,
    ui,
    prefs,
    browser,
    client,
    keymap,
    terminal: screen,
    pageLogs: (direction) => void subjects.logs.page(direction),
    reopenLogs: () => subjects.logs.reopen(),
    quit: () => ended.resolve(0),
  };
  let before = mirror.get();
  mirror.subscribe(() => {
    const now = mirror.get();
    ui.dispatchAll(pinSelections(before, now, ui.get()));
    // What failed for want of an engine can be done now.
    const isBack = before.connection.status === "lost" && now.connection.status === "connected";
    if (isBack && ui.get().flash?.tone === "error") ui.dispatch({ type: "flash", flash: null });
    before = now;
  });
  using _details = new DetailsFeed(dashboard);
  using _flashes = clearFlashes(ui);
  const instance = render(
    <App
      dashboard={dashboard}
      readOnly={options.readOnly ?? false}
      look={look}
      onLogView={(view) => {
        drawn.logView = view;
      }}
      onSuspendable={(suspend) => screen.setSuspend(suspend)}
    />,
    {
      stdin: screen.proxyInput,
      stdout: process.stdout,
      alternateScreen: true,
      incrementalRendering: true,
      interactive: true,
      exitOnCtrlC: false,
      patchConsole: false,
      // What comes from the engine is batched; this is for keys, which should not wait for a frame before them.
      maxFps: 60,
    },
  );
  screen.setInstance(instance);
  using _guard = guardTerminal({
    leave: () => instance.unmount(),
    onContinue: () => {
      screen.reclaim();
      ui.dispatch({ type: "repaint" });
    },
  });
  // An error thrown while drawing ends Ink without a word: it must not end us as if all were well.
  instance.waitUntilExit().then(() => ended.resolve(0), ended.reject);
  return await ended.promise;
}

function chooseTheme(wanted: string | undefined): Theme {
  if (wanted === undefined) return defaultTheme();
  const builtIn = findTheme(wanted);
  if (builtIn !== null) return builtIn;
  if (!wanted.endsWith(".json") && !isAbsolute(wanted)) {
    throw new EngineError("not-found", `no theme is called ${JSON.stringify(wanted)}`, {
      hint: `there are ${builtInThemes.map((theme) => theme.name).join(", ")}; or name a file: --theme ./mine.json`,
    });
  }
  try {
    return parseTheme(JSON.parse(readFileSync(wanted, "utf8")), wanted);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError("invalid-argument", `theme ${wanted}: ${messageOf(cause)}`, { cause });
  }
}

function loadKeymap(options: DashboardOptions): Keymap {
  const path = options.keymap ?? userKeymapPath(process.env);
  const changes = readKeymapFile(path, options.keymap !== undefined);
  return createKeymap({ readOnly: options.readOnly ?? false, changes });
}

/**
 * How to reach the engine, now and after each loss. A root user's dashboard starts one that is missing. Another user becomes
 * root where that is needed, which replaces this process: so before there is a screen, and never later.
 */
async function chooseConnect(paths: EnginePaths): Promise<Parts["connect"]> {
  const find = () => connectEngine({ socket: paths.socket, clientName });
  if (isRoot()) return ({ mayStart }) => (mayStart ? openEngine(paths, { clientName }) : find());
  let first: EngineClient | null = await openEngine(paths, { clientName });
  return async () => {
    const client = first ?? (await find());
    first = null;
    return client;
  };
}
