import { isIP } from "node:net";
import { EngineError } from "../errors.ts";

/** Options of docker's driver `local`: handed to mount(8). */
export type DriverMount = {
  readonly type: string;
  readonly device: string;
  /** `o`, one by one. */
  readonly options: readonly string[];
};

const known = new Set(["type", "o", "device", "size"]);
/** They would act on another mount than the volume's own, or run a program that somebody chose. */
const forbidden = /^(remount|move|(u?helper|pinned)(=.*)?|[xX]-mount\..*)$/;
/** File systems whose server is named by address. */
const network = /^(nfs4?|cifs|smb3)$/;

/** Refuses options that docker refuses, and text that mount(8) would take for something else. Fails with `invalid-argument`. */
export function checkDriverOptions(volume: string, options: Readonly<Record<string, string>>): void {
  const refuse = (reason: string): never => {
    throw new EngineError("invalid-argument", `volume ${volume}: ${reason}`, { exitCode: 125 });
  };
  const names = Object.keys(options);
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) refuse(`invalid option: ${JSON.stringify(unknown.slice(0, 80))}`);
  if (options.size !== undefined) refuse("a size was asked for, and this file system has no quotas for volumes");
  if (names.length === 0) return;
  for (const name of ["type", "device"]) if (!options[name]) refuse(`missing required option: "${name}"`);
  const { type, device, options: words } = driverMountOf(options);
  if (!/^[a-zA-Z0-9][\w.-]{0,63}$/.test(type)) refuse(`type ${JSON.stringify(type.slice(0, 80))} names no file system`);
  if (/^-|[\x00-\x1f]/.test(device) || device.length > 4000)
    refuse(`device ${JSON.stringify(device.slice(0, 80))} is not valid`);
  const bad = words.find((word) => forbidden.test(word) || /^-|[\x00-\x1f]/.test(word));
  if (bad !== undefined) refuse(`mount option ${JSON.stringify(bad.slice(0, 80))} is not allowed`);
  if (words.join(",").length > 4000) refuse("its mount options are too long");
  if (isBind(words) && !device.startsWith("/"))
    refuse(`device ${JSON.stringify(device.slice(0, 80))} is not an absolute path`);
}

export function driverMountOf(options: Readonly<Record<string, string>>): DriverMount {
  const words = (options.o ?? "").split(",").filter((word) => word !== "");
  return { type: options.type ?? "", device: options.device ?? "", options: words };
}

/** The server whose address the kernel has to be told, or null where nothing has to be looked up. */
export function serverOf({ type, device, options }: DriverMount): string | null {
  if (!network.test(type)) return null;
  const told = options.find((word) => word.startsWith("addr="))?.slice("addr=".length);
  const host =
    told ??
    (type.startsWith("nfs") ? /^(\[[0-9a-fA-F:.]+\]|[^:/]+):/.exec(device)?.[1] : /^\/\/([^/]+)/.exec(device)?.[1]);
  const plain = host?.replace(/^\[|\]$/g, "");
  return plain === undefined || (told !== undefined && isIP(plain) !== 0) ? null : plain;
}

/**
 * Arguments for mount(8). No helper program of the file system's is run: the kernel gets the text, as from docker. address: of the server, by
 * which a name in `addr=` is replaced.
 */
export function mountArguments(mount: DriverMount, target: string, address: string | null): string[] {
  const others = address === null ? mount.options : mount.options.filter((word) => !word.startsWith("addr="));
  const words = address === null ? others : [...others, `addr=${address}`];
  return [
    "-i",
    "-n",
    "-t",
    mount.type,
    ...(words.length === 0 ? [] : ["-o", words.join(",")]),
    "--",
    mount.device,
    target,
  ];
}

export function isBind(words: readonly string[]): boolean {
  return words.includes("bind") || words.includes("rbind");
}

/** Whether the kernel may have to wait for somebody else's machine. */
export function isNetwork({ type }: DriverMount): boolean {
  return network.test(type) || type.startsWith("fuse");
}
