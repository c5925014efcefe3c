import type { CommandID } from "../keymap/commands.ts";
import type { imageCommands } from "../keymap/image-commands.ts";
import { turnDetails } from "../panes/details-actions.ts";
import { openPull, pull } from "../panes/images/pull.ts";
import { askPush, askPushOf, confirmTag, openTag, push, tag } from "../panes/images/push.ts";
import { openSave, save, writeSaved } from "../panes/images/save.ts";
import { askPrune, openPrune, prune, togglePruneAll } from "../panes/prune/actions.ts";
import { askCancel, cancel, openWork } from "../panes/work/actions.ts";
import type { Dashboard } from "./dashboard.ts";

type ImageCommandID = (typeof imageCommands)[number]["id"];

/** What the commands about images and about work under way do. */
export const imageHandlers: Readonly<Record<ImageCommandID, (dashboard: Dashboard) => void | Promise<void>>> = {
  "image.pull": openPull,
  "image.push": askPush,
  "image.tag": openTag,
  "image.save": openSave,
  "image.prune": openPrune("images"),
  "prune.all": togglePruneAll,
  "prune.run": askPrune,
  "details.json": turnDetails,
  "work.open": openWork,
  "work.cancel": askCancel,
  "view.close": (dashboard) => dashboard.ui.dispatch({ type: "overlay", overlay: null }),
};

export type TypedLine = { readonly targets: readonly string[]; readonly text: string };

/** Those that a line was typed for. */
export const typedImages: Partial<Record<CommandID, (dashboard: Dashboard, line: TypedLine) => void | Promise<void>>> =
  {
    "image.pull": (dashboard, { text }) => pull(dashboard, text),
    "image.push": (dashboard, { text }) => askPushOf(dashboard, text),
    "image.tag": (dashboard, { targets, text }) => tag(dashboard, targets, text),
    "image.save": (dashboard, { targets, text }) => save(dashboard, targets, text),
  };

/** Those that were asked about, with the answer yes. */
export const confirmedImages = {
  "image.push": push,
  "image.tag": confirmTag,
  "image.save": writeSaved,
  "prune.run": prune,
  "work.cancel": cancel,
} as const;
