import type { Command } from "./command.ts";
import { panes } from "./panes.ts";

const plain = { dangerous: false, asks: false, footer: null, group: "Networks and volumes" } as const;
const ofNetworks = { ...plain, panes: ["networks"] } as const;
const ofVolumes = { ...plain, panes: ["volumes"] } as const;

/** What is done with networks and volumes, and what happens on the host. */
export const networkCommands = [
  {
    ...ofNetworks,
    id: "network.create",
    title: "New network",
    short: "new",
    keys: ["n"],
    footer: 20,
    dangerous: true,
  },
  {
    ...plain,
    id: "network.connections",
    title: "Connect and disconnect",
    short: "connect",
    keys: ["N"],
    footer: 72,
    panes: ["networks", "containers"],
    dangerous: true,
  },
  {
    ...plain,
    id: "network.toggle",
    title: "Connect, disconnect",
    short: "connect",
    keys: ["enter"],
    panes: ["connections"],
    dangerous: true,
    asks: true,
  },
  {
    ...ofNetworks,
    id: "network.prune",
    title: "Prune networks: what would go",
    short: "prune",
    keys: ["x"],
    footer: 53,
    dangerous: true,
  },
  { ...ofVolumes, id: "volume.create", title: "New volume", short: "new", keys: ["n"], footer: 20, dangerous: true },
  {
    ...ofVolumes,
    id: "volume.prune",
    title: "Prune volumes: what would go",
    short: "prune",
    keys: ["x"],
    footer: 53,
    dangerous: true,
  },
  {
    ...plain,
    id: "object.users",
    title: "Containers that use it",
    short: "used by",
    keys: ["u"],
    footer: 37,
    panes: ["networks", "volumes"],
  },
  {
    ...plain,
    id: "events.open",
    title: "Events of this host",
    short: "events",
    keys: ["E"],
    footer: 82,
    panes: [...panes, "events"],
    group: "Screen",
  },
  {
    ...plain,
    id: "events.since",
    title: "Events: look further back",
    short: "further",
    keys: ["t"],
    panes: ["events"],
    group: "Screen",
  },
] as const satisfies readonly Command[];
