import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { render } from "ink";
import { App } from "../../src/app/App.tsx";
import type { Dashboard } from "../../src/app/dashboard.ts";
import { handleInput } from "../../src/app/input-handler.ts";
import type { InputEvent } from "../../src/app/key-decoder.ts";
import type { Size } from "../../src/app/layout.ts";
import { createKeymap } from "../../src/keymap/keymap.ts";
import type { LogView } from "../../src/panes/logs/view-model.ts";
import { closedBrowser, reduceBrowser } from "../../src/store/browser.ts";
import { emptyMirror, type MirrorAction, reduceMirror } from "../../src/store/mirror.ts";
import { pinSelections } from "../../src/store/pin-selections.ts";
import { reducePrefs } from "../../src/store/prefs.ts";
import { createStore } from "../../src/store/store.ts";
import { initialUi, reduceUi } from "../../src/store/ui.ts";
import { defaultTheme } from "../../src/theme/theme.ts";

/** The dashboard drawn into memory, without an engine: the test says what the engine would have said. */
export type DrawnApp = Disposable & {
  readonly dashboard: Dashboard;
  /** Methods that were asked of the engine, which never answers. */
  readonly asked: string[];
  tell(...actions: readonly MirrorAction[]): void;
  press(...keys: readonly string[]): void;
  /** The newest frame, without colours. */
  frame(): string;
};

export function drawApp(size: Size, options: { readonly readOnly?: boolean } = {}): DrawnApp {
  const readOnly = options.readOnly ?? false;
  const mirror = createStore(reduceMirror, emptyMirror);
  const ui = createStore(reduceUi, initialUi);
  let before = emptyMirror;
  mirror.subscribe(() => {
    ui.dispatchAll(pinSelections(before, mirror.get(), ui.get()));
    before = mirror.get();
  });
  const asked: string[] = [];
  const dashboard: Dashboard = {
    mirror,
    ui,
    prefs: createStore(reducePrefs, { theme: defaultTheme(), logTimes: false, logWrap: false }),
    browser: createStore(reduceBrowser, closedBrowser),
    client: {
      request: (method, params) => {
        asked.push(`${method} ${JSON.stringify(params)}`);
        return new Promise(() => undefined);
      },
      openStream: () => new Promise(() => undefined),
      subscribe: () => ({ close: () => undefined }),
      retryNow: () => undefined,
      state: { status: "connecting" },
      onState: () => () => undefined,
    },
    keymap: createKeymap({ readOnly }),
    terminal: {
      size: () => size,
      onResize: () => () => undefined,
      wipe: () => undefined,
      copy: (text) => asked.push(`copy ${text}`),
      lend: () => Promise.resolve(),
    },
    pageLogs: (direction) => asked.push(`page ${direction} logs`),
    reopenLogs: () => asked.push("reopen logs"),
    quit: () => asked.push("quit"),
  };
  const frames: string[] = [];
  const stdout = Object.assign(new EventEmitter(), {
    ...size,
    isTTY: true,
    write: (text: string) => frames.push(text),
  });
  const drawn: { logView: LogView | null } = { logView: null };
  const instance = render(
    <App
      dashboard={dashboard}
      readOnly={readOnly}
      look={look}
      onLogView={(view) => {
        drawn.logView = view;
      }}
      onSuspendable={() => undefined}
    />,
    // Ink asks no more of a stream in debug mode than to be written to.
    { stdout: stdout as unknown as NodeJS.WriteStream, stdin: new PassThrough(), debug: true, patchConsole: false },
  );
  return {
    dashboard,
    asked,
    tell: (...actions) => mirror.dispatchAll(actions),
    press: (...keys) => {
      for (const key of keys) handleInput(dashboard, keyEvent(key), drawn);
    },
    frame: () => {
      instance.rerender(
        <App
          dashboard={dashboard}
          readOnly={readOnly}
          look={look}
          onLogView={(view) => {
            drawn.logView = view;
          }}
          onSuspendable={() => undefined}
        />,
      );
      return stripVTControlCharacters(frames.at(-1) ?? "");
    },
    [Symbol.dispose]: () => instance.unmount(),
  };
}

const look = { level: 0, ascii: false } as const;

function keyEvent(key: string): InputEvent {
  const isText = [...key].length === 1;
  return { type: "key", key: key === " " ? "space" : key, text: isText ? key : "" };
}
