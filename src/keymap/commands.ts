import { browserCommands } from "./browser-commands.ts";
import { buildCommands } from "./build-commands.ts";
import type { Command } from "./command.ts";
import { imageCommands } from "./image-commands.ts";
import { networkCommands } from "./network-commands.ts";
import { browserScreens, overlayPlaces, type Pane, type Place, panes } from "./panes.ts";

const everywhere: readonly Place[] = [...panes, ...browserScreens, ...overlayPlaces];
const ofContainers: readonly Pane[] = ["containers", "logs", "stats"];
const lists: readonly Pane[] = ["containers", "images", "layers", "networks", "volumes"];
const objects: readonly Pane[] = ["containers", "images", "networks", "volumes"];

const plain = { panes: everywhere, dangerous: false, asks: false, footer: null } as const;
const onPanes = { ...plain, panes } as const;
const onContainer = { panes: ofContainers, dangerous: true, asks: false, group: "Containers" } as const;

/**
 * Everything that a key or the palette can do. The footer, the help, the palette and the table in the README are made from
 * this list, in this order.
 */
export const commands = [
  { ...plain, id: "cursor.down", title: "Move down", short: "down", keys: ["j", "down"], group: "Move" },
  { ...plain, id: "cursor.up", title: "Move up", short: "up", keys: ["k", "up"], group: "Move" },
  { ...plain, id: "cursor.first", title: "Go to the first", short: "first", keys: ["g", "home"], group: "Move" },
  { ...plain, id: "cursor.last", title: "Go to the last", short: "last", keys: ["G", "end"], group: "Move" },
  { ...plain, id: "page.up", title: "Move up one page", short: "page up", keys: ["pageup", "ctrl+b"], group: "Move" },
  {
    ...plain,
    id: "page.down",
    title: "Move down one page",
    short: "page down",
    keys: ["pagedown", "ctrl+f"],
    group: "Move",
  },
  { ...onPanes, id: "pane.next", title: "Next pane", short: "next pane", keys: ["tab"], group: "Move" },
  { ...onPanes, id: "pane.previous", title: "Previous pane", short: "last pane", keys: ["shift+tab"], group: "Move" },
  { ...onPanes, id: "pane.containers", title: "Containers", short: "containers", keys: ["1"], group: "Move" },
  { ...onPanes, id: "pane.images", title: "Images", short: "images", keys: ["2"], group: "Move" },
  { ...onPanes, id: "pane.layers", title: "Layers", short: "layers", keys: ["3"], group: "Move" },
  { ...onPanes, id: "pane.logs", title: "Logs", short: "logs", keys: ["4"], group: "Move" },
  { ...onPanes, id: "pane.stats", title: "Stats", short: "stats", keys: ["5"], group: "Move" },
  { ...onPanes, id: "pane.networks", title: "Networks", short: "networks", keys: ["6"], group: "Move" },
  { ...onPanes, id: "pane.volumes", title: "Volumes", short: "volumes", keys: ["7"], group: "Move" },
  { ...onContainer, id: "container.toggle", title: "Stop or start", short: "stop/start", keys: ["s"], footer: 20 },
  { ...onContainer, id: "container.restart", title: "Restart", short: "restart", keys: ["r"], footer: 30 },
  { ...onContainer, id: "container.pause", title: "Pause or go on", short: "pause", keys: ["p"], footer: 60 },
  { ...onContainer, id: "container.shell", title: "Open a shell", short: "shell", keys: ["e"], footer: 10 },
  {
    ...onContainer,
    id: "container.attach",
    title: "Attach to the main process",
    short: "attach",
    keys: ["a"],
    footer: 70,
  },
  {
    ...plain,
    id: "container.logs",
    title: "Show the logs",
    short: "logs",
    keys: ["l"],
    footer: 40,
    group: "Containers",
    panes: ["containers", "stats"],
  },
  { ...onContainer, id: "container.kill", title: "Kill", short: "kill", keys: ["K"], footer: 80, asks: true },
  { ...onContainer, id: "container.limits", title: "Change the limits", short: "limits", keys: ["L"], footer: 62 },
  { ...onContainer, id: "container.rename", title: "Rename", short: "rename", keys: ["m"], footer: 86 },
  {
    ...onContainer,
    id: "container.prune",
    title: "Prune what does not run",
    short: "prune",
    keys: ["x"],
    footer: 87,
    panes: ["containers"],
  },
  {
    ...plain,
    id: "object.delete",
    title: "Delete",
    short: "delete",
    keys: ["d"],
    footer: 50,
    panes: objects,
    dangerous: true,
    asks: true,
    group: "Images and lists",
  },
  {
    ...plain,
    id: "container.create",
    title: "New container of the image",
    short: "new",
    keys: ["n"],
    footer: 45,
    panes: ["containers", "images", "layers"],
    dangerous: true,
    group: "Images and lists",
  },
  {
    ...plain,
    panes: [...objects, "logs", "stats"],
    id: "details.open",
    title: "Details",
    short: "details",
    keys: ["enter"],
    footer: 35,
    group: "Images and lists",
  },
  {
    ...plain,
    id: "mark.toggle",
    title: "Mark or unmark",
    short: "mark",
    keys: ["space"],
    footer: 75,
    panes: objects,
    group: "Images and lists",
  },
  ...browserCommands,
  {
    ...plain,
    id: "copy",
    title: "Copy name, id or path",
    short: "copy",
    keys: ["c"],
    footer: 85,
    group: "Images and lists",
  },
  {
    ...plain,
    id: "filter.open",
    title: "Filter the list, search logs and paths",
    short: "filter",
    keys: ["/"],
    footer: 55,
    panes: [...lists, "logs", "files", "compare", "events"],
    group: "Images and lists",
  },
  {
    ...plain,
    id: "logs.timestamps",
    title: "Times on or off",
    short: "times",
    keys: ["t"],
    footer: 31,
    panes: ["logs"],
    group: "Logs",
  },
  {
    ...plain,
    id: "logs.wrap",
    title: "Wrap long lines or cut them",
    short: "wrap",
    keys: ["w"],
    footer: 32,
    panes: ["logs"],
    group: "Logs",
  },
  {
    ...plain,
    id: "logs.follow",
    title: "Follow the newest line",
    short: "follow",
    keys: ["F"],
    footer: 33,
    panes: ["logs"],
    group: "Logs",
  },
  {
    ...onPanes,
    id: "pane.fullscreen",
    title: "Pane over all and back",
    short: "full",
    keys: ["f"],
    footer: 65,
    group: "Screen",
  },
  {
    ...plain,
    id: "back",
    title: "Back, one step at a time",
    short: "back",
    keys: ["esc"],
    group: "Screen",
  },
  { ...plain, id: "theme.next", title: "Next theme", short: "theme", keys: ["T"], group: "Screen" },
  {
    ...plain,
    id: "engine.retry",
    title: "Find or start the engine",
    short: "retry",
    keys: ["R"],
    group: "Screen",
  },
  {
    ...plain,
    id: "screen.repaint",
    title: "Draw the screen anew",
    short: "repaint",
    keys: ["ctrl+l"],
    group: "Screen",
  },
  { ...plain, id: "help.open", title: "Help", short: "help", keys: ["?"], footer: 2, group: "Screen" },
  {
    ...plain,
    id: "palette.open",
    title: "Command palette",
    short: "commands",
    keys: [":"],
    footer: 3,
    group: "Screen",
  },
  {
    ...onPanes,
    id: "quit",
    title: "Quit; containers go on",
    short: "quit",
    keys: ["q", "ctrl+c"],
    footer: 1,
    group: "Screen",
  },
  ...imageCommands,
  ...networkCommands,
  ...buildCommands,
] as const satisfies readonly Command[];

export type CommandID = (typeof commands)[number]["id"];

export function isCommandID(text: string): text is CommandID {
  return commands.some((command) => command.id === text);
}
