import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { EngineError } from "./errors.ts";

export const defaultRoot = "/var/lib/gantry";
export const defaultRun = "/run/gantry";
export const defaultSettings = "/etc/gantry";
/** Shown by `gantry version` and exchanged in the handshake. */
export const engineVersion = "0.1.0";

/** Where one engine keeps everything, and what it calls the things it makes on the host. */
export type EngineConfig = {
  /** State that survives a reboot: database, blobs, layers, containers. Absolute. */
  readonly root: string;
  /** Sockets, netns, pid files: may be lost at reboot. Absolute. */
  readonly run: string;
  /** What the host's administrator writes and the engine only reads: engine.json, certs.d. Absolute. */
  readonly settings: string;
  readonly socket: string;
  /** Where docker's Engine API is served. */
  readonly dockerSocket: string;
  /** Tells where a link to that socket was made, see host/socket-link.ts. */
  readonly dockerLinkFile: string;
  readonly logFile: string;
  readonly pidFile: string;
  /** Empty for the default run directory, else eight hex digits of its path: keeps engines on one host apart. */
  readonly instance: string;
  readonly names: HostNames;
};

export type HostNames = {
  /** Linux limits an interface name to 15 bytes (IFNAMSIZ). */
  readonly bridge: string;
  /** Prefix of the host end of each veth pair; up to 8 more characters fit. */
  readonly vethPrefix: string;
  /** nft table of family inet. */
  readonly table: string;
  /** cgroup parent below each hierarchy's root, without a leading slash. */
  readonly cgroupParent: string;
  /** Of the AppArmor profile of containers. */
  readonly apparmorProfile: string;
};

type Directories = {
  readonly root?: string | undefined;
  readonly run?: string | undefined;
  readonly settings?: string | undefined;
};

/** Derives all paths and host names from the directories. */
export function createConfig(directories: Directories = {}): EngineConfig {
  const root = resolve(directories.root ?? (process.env.GANTRY_ROOT || defaultRoot));
  const run = resolve(directories.run ?? (process.env.GANTRY_RUN || defaultRun));
  const settings = resolve(directories.settings ?? (process.env.GANTRY_SETTINGS || defaultSettings));
  const instance = run === defaultRun ? "" : createHash("sha256").update(run).digest("hex").slice(0, 8);
  return {
    root,
    run,
    settings,
    instance,
    socket: join(run, "gantry.sock"),
    dockerSocket: join(run, "docker.sock"),
    dockerLinkFile: join(run, "docker.link"),
    logFile: join(root, "engine.log"),
    pidFile: join(run, "engine.pid"),
    names: namesFor(instance),
  };
}

/** unix(7): sun_path with its end. */
const longestSocketPath = 107;

/** Fails with `invalid-argument` for directories in which an engine could not do its work. */
export function checkConfig({ root, run, socket }: EngineConfig): void {
  if (root.includes(":")) {
    throw new EngineError(
      "invalid-argument",
      `root directory ${root} has a colon: conmon ends the path of a log there`,
      {
        hint: "give a --root without one",
      },
    );
  }
  if (Buffer.byteLength(socket) > longestSocketPath) {
    throw new EngineError("invalid-argument", `run directory ${run} is too long for the path of a socket`, {
      hint: `give a --run of at most ${longestSocketPath - "/gantry.sock".length} bytes`,
    });
  }
}

function namesFor(instance: string): HostNames {
  if (instance === "") {
    return {
      bridge: "gantry0",
      vethPrefix: "gantry-",
      table: "gantry",
      cgroupParent: "gantry",
      apparmorProfile: "gantry-default",
    };
  }
  return {
    bridge: `gtb${instance}`,
    vethPrefix: `g${instance.slice(0, 6)}`,
    table: `gantry_${instance}`,
    cgroupParent: `gantry-${instance}`,
    apparmorProfile: `gantry-${instance}-default`,
  };
}
