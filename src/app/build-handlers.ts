import type { buildCommands } from "../keymap/build-commands.ts";
import * as builds from "../panes/builds/actions.ts";
import { openBuildForm } from "../panes/builds/create-form.ts";
import type { Dashboard } from "./dashboard.ts";

type BuildCommandID = (typeof buildCommands)[number]["id"];

/** What the commands about builds do. */
export const buildHandlers: Readonly<Record<BuildCommandID, (dashboard: Dashboard) => void | Promise<void>>> = {
  "builds.open": builds.openBuilds,
  "build.create": openBuildForm,
  "build.enter": builds.enter,
  "build.cancel": builds.askCancel,
  "build.retry": builds.retry,
  "build.shell": builds.openBuildShell,
  "build.forget": builds.askForget,
};

/** Those that were asked about, with the answer yes. */
export const confirmedBuilds = { "build.cancel": builds.cancel, "build.forget": builds.forget } as const;
