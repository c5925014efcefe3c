import type { VerbModule } from "./command.ts";

export type Verb = {
  readonly summary: string;
  /** Each verb is a chunk of its own: a command pays for what it uses. */
  readonly load: () => Promise<VerbModule>;
  /** Exit code of a failure that has none of its own; docker's is 1, and 125 where a container should have run. */
  readonly failureCode?: number;
};

const containerVerbs: Readonly<Record<string, Verb>> = {
  run: { summary: "create and start a container", load: () => import("./commands/run.ts"), failureCode: 125 },
  create: { summary: "create a container", load: () => import("./commands/create.ts") },
  start: { summary: "start containers", load: () => import("./commands/start.ts") },
  stop: { summary: "stop containers", load: () => import("./commands/stop.ts") },
  restart: { summary: "restart containers", load: () => import("./commands/restart.ts") },
  kill: { summary: "send a signal to containers", load: () => import("./commands/kill.ts") },
  pause: { summary: "freeze containers", load: () => import("./commands/pause.ts") },
  unpause: { summary: "let frozen containers go on", load: () => import("./commands/unpause.ts") },
  rm: { summary: "remove containers", load: () => import("./commands/rm.ts") },
  ps: { summary: "list containers", load: () => import("./commands/ps.ts") },
  exec: { summary: "run a command in a container", load: () => import("./commands/exec.ts") },
  attach: { summary: "connect to a container's main process", load: () => import("./commands/attach.ts") },
  logs: { summary: "show a container's log", load: () => import("./commands/logs.ts") },
  stats: { summary: "show what containers use, live", load: () => import("./commands/stats.ts") },
  top: { summary: "list a container's processes", load: () => import("./commands/top.ts") },
  wait: { summary: "wait until containers stop, print exit codes", load: () => import("./commands/wait.ts") },
  update: { summary: "change limits and restart policies, also live", load: () => import("./commands/update.ts") },
  rename: { summary: "rename a container", load: () => import("./commands/rename.ts") },
  port: { summary: "list a container's published ports", load: () => import("./commands/port.ts") },
  diff: { summary: "list what a container changed on its file system", load: () => import("./commands/diff.ts") },
  cp: { summary: "copy files out of and into containers", load: () => import("./commands/cp.ts") },
  commit: { summary: "make an image of what a container changed", load: () => import("./commands/commit.ts") },
  export: { summary: "write a container's file system as tar", load: () => import("./commands/export.ts") },
};

const imageVerbs: Readonly<Record<string, Verb>> = {
  build: { summary: "build an image from a Dockerfile", load: () => import("./commands/build.ts") },
  images: { summary: "list images", load: () => import("./commands/images.ts") },
  history: { summary: "show how an image was made", load: () => import("./commands/history.ts") },
  layers: { summary: "show the files of layers, and what is wasted", load: () => import("./commands/layers.ts") },
  rmi: { summary: "remove images", load: () => import("./commands/rmi.ts") },
  tag: { summary: "give an image another name", load: () => import("./commands/tag.ts") },
  import: { summary: "make an image of a root file system", load: () => import("./commands/import.ts") },
  load: { summary: "load images from an archive", load: () => import("./commands/load.ts") },
  save: { summary: "write images into an archive", load: () => import("./commands/save.ts") },
  pull: { summary: "get an image from a registry", load: () => import("./commands/pull.ts") },
  push: { summary: "put an image into a registry", load: () => import("./commands/push.ts") },
  search: { summary: "look for images in a registry", load: () => import("./commands/search.ts") },
};

const networkVerbs: Readonly<Record<string, Verb>> = {
  create: { summary: "make a network", load: () => import("./commands/network-create.ts") },
  ls: { summary: "list networks", load: () => import("./commands/network-ls.ts") },
  inspect: { summary: "show everything about networks", load: () => import("./commands/network-inspect.ts") },
  connect: { summary: "connect a container to a network", load: () => import("./commands/network-connect.ts") },
  disconnect: { summary: "take a container from a network", load: () => import("./commands/network-disconnect.ts") },
  rm: { summary: "remove networks", load: () => import("./commands/network-rm.ts") },
  prune: { summary: "remove networks that no container uses", load: () => import("./commands/network-prune.ts") },
  reload: {
    summary: "write bridges, addresses and firewall rules anew",
    load: () => import("./commands/network-reload.ts"),
  },
};

const volumeVerbs: Readonly<Record<string, Verb>> = {
  create: { summary: "make a volume", load: () => import("./commands/volume-create.ts") },
  ls: { summary: "list volumes", load: () => import("./commands/volume-ls.ts") },
  inspect: { summary: "show everything about volumes", load: () => import("./commands/volume-inspect.ts") },
  rm: { summary: "remove volumes and what is in them", load: () => import("./commands/volume-rm.ts") },
  prune: { summary: "remove volumes that no container uses", load: () => import("./commands/volume-prune.ts") },
  export: { summary: "write what is in a volume as tar", load: () => import("./commands/volume-export.ts") },
  import: { summary: "unpack an archive into a volume", load: () => import("./commands/volume-import.ts") },
};

const checkpointVerbs: Readonly<Record<string, Verb>> = {
  create: { summary: "freeze a container into files", load: () => import("./commands/checkpoint-create.ts") },
  ls: { summary: "list a container's checkpoints", load: () => import("./commands/checkpoint-ls.ts") },
  rm: { summary: "remove a container's checkpoint", load: () => import("./commands/checkpoint-rm.ts") },
};

const builderVerbs: Readonly<Record<string, Verb>> = {
  ls: { summary: "list builds", load: () => import("./commands/builder-ls.ts") },
  logs: { summary: "show what a build has done", load: () => import("./commands/builder-logs.ts") },
  cancel: { summary: "end builds that run", load: () => import("./commands/builder-cancel.ts") },
  retry: { summary: "build the same once more", load: () => import("./commands/builder-retry.ts") },
  rm: { summary: "forget builds of the past", load: () => import("./commands/builder-rm.ts") },
  prune: { summary: "remove the cache of builds", load: () => import("./commands/builder-prune.ts") },
  du: { summary: "show what the cache of builds holds", load: () => import("./commands/builder-du.ts") },
};

const otherVerbs: Readonly<Record<string, Verb>> = {
  login: { summary: "have an account at a registry kept", load: () => import("./commands/login.ts") },
  logout: { summary: "forget an account at a registry", load: () => import("./commands/logout.ts") },
  inspect: {
    summary: "show everything about containers, images, networks, volumes",
    load: () => import("./commands/inspect.ts"),
  },
  events: { summary: "show what happens, live", load: () => import("./commands/events.ts") },
  info: { summary: "show the engine and its host", load: () => import("./commands/info.ts") },
  version: { summary: "show versions", load: () => import("./commands/version.ts") },
  demo: { summary: "start four small containers to look at", load: () => import("./commands/demo.ts") },
};

const engineVerbs: Readonly<Record<string, Verb>> = {
  start: { summary: "start the engine", load: () => import("./commands/engine-start.ts") },
  stop: { summary: "stop the engine; containers go on", load: () => import("./commands/engine-stop.ts") },
  install: { summary: "have systemd start it at boot", load: () => import("./commands/engine-install.ts") },
  uninstall: { summary: "leave it to the commands again", load: () => import("./commands/engine-uninstall.ts") },
  status: { summary: "tell whether the engine runs", load: () => import("./commands/engine-status.ts") },
  logs: { summary: "show the engine's own log", load: () => import("./commands/engine-logs.ts") },
  doctor: { summary: "check what the engine needs of this host", load: () => import("./commands/engine-doctor.ts") },
  fsck: { summary: "check every byte of the store", load: () => import("./commands/engine-fsck.ts") },
  purge: { summary: "remove every trace of an engine", load: () => import("./commands/engine-purge.ts") },
};

const imagePrune: Verb = {
  summary: "remove images that nothing uses",
  load: () => import("./commands/image-prune.ts"),
};
const containerPrune: Verb = {
  summary: "remove containers that do not run",
  load: () => import("./commands/container-prune.ts"),
};
const containerInspect: Verb = {
  summary: "show everything about containers",
  load: () => import("./commands/container-inspect.ts"),
};
const imageInspect: Verb = {
  summary: "show everything about images",
  load: () => import("./commands/image-inspect.ts"),
};
const systemVerbs: Readonly<Record<string, Verb>> = {
  df: { summary: "show what the disk is used for", load: () => import("./commands/system-df.ts") },
  prune: { summary: "remove what nothing uses", load: () => import("./commands/system-prune.ts") },
};

/** Verbs by name, in the order of the help. */
export const verbs: Readonly<Record<string, Verb>> = { ...containerVerbs, ...imageVerbs, ...otherVerbs };

const { images, history, rmi, tag, import: importVerb, load } = imageVerbs as Record<string, Verb>;

/** `gantry container ls` and the like: docker's other names for the same verbs. */
export const groups: Readonly<Record<string, Readonly<Record<string, Verb | undefined>>>> = {
  container: { ...containerVerbs, ls: verbs.ps, list: verbs.ps, inspect: containerInspect, prune: containerPrune },
  image: {
    ls: images,
    list: images,
    history,
    rm: rmi,
    tag,
    import: importVerb,
    load,
    save: verbs.save,
    inspect: imageInspect,
    prune: imagePrune,
    pull: verbs.pull,
    push: verbs.push,
    build: verbs.build,
  },
  builder: { ...builderVerbs, list: builderVerbs.ls, remove: builderVerbs.rm, build: verbs.build },
  network: { ...networkVerbs, list: networkVerbs.ls, remove: networkVerbs.rm },
  volume: { ...volumeVerbs, list: volumeVerbs.ls, remove: volumeVerbs.rm },
  checkpoint: { ...checkpointVerbs, list: checkpointVerbs.ls, remove: checkpointVerbs.rm },
  system: { ...systemVerbs, info: verbs.info, events: verbs.events },
  engine: engineVerbs,
};

/** Sections of the help. */
export const sections: readonly (readonly [string, string, Readonly<Record<string, Verb>>])[] = [
  ["Containers", "", containerVerbs],
  ["Images", "", imageVerbs],
  ["Networks", "network ", networkVerbs],
  ["Volumes", "volume ", volumeVerbs],
  ["Checkpoints", "checkpoint ", checkpointVerbs],
  ["Builds", "builder ", builderVerbs],
  ["System", "system ", systemVerbs],
  ["Engine", "engine ", engineVerbs],
  ["Other", "", otherVerbs],
];
