import type { Command } from "./command.ts";
import { panes } from "./panes.ts";

const plain = { panes: ["builds"], dangerous: false, asks: false, footer: null, group: "Builds" } as const;
const acts = { ...plain, dangerous: true } as const;

/** How images are built, and how one watches that. */
export const buildCommands = [
  {
    ...plain,
    id: "builds.open",
    title: "Builds: running and past",
    short: "builds",
    keys: ["B"],
    footer: 83,
    panes: [...panes, "builds"],
  },
  { ...acts, id: "build.create", title: "Build an image", short: "new", keys: ["n"] },
  { ...plain, id: "build.enter", title: "Builds: steps, then the log", short: "open", keys: ["enter"] },
  { ...acts, id: "build.cancel", title: "Build: cancel", short: "cancel", keys: ["x"], asks: true },
  { ...acts, id: "build.retry", title: "Build: once more", short: "again", keys: ["r"] },
  { ...acts, id: "build.shell", title: "Build: shell in the step that failed", short: "shell", keys: ["e"] },
  { ...acts, id: "build.forget", title: "Build: forget", short: "forget", keys: ["d"], asks: true },
] as const satisfies readonly Command[];
