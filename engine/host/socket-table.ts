import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { formatAddress } from "../lib/ip-range.ts";
import { formatIPv4 } from "../lib/ipv4.ts";

/** A socket of a host program that receives on a port. */
export type Listener = {
  readonly protocol: "tcp" | "udp";
  /** IPv4 address; `0.0.0.0` for all, which an IPv6 socket on `::` covers as well. Null: an IPv6 address only. */
  readonly address: string | null;
  /** IPv6 address; `::` for all. Null: an IPv4 address only. */
  readonly address6: string | null;
  readonly port: number;
  readonly inode: string;
};

const tcpListen = "0A";
const udpUnconnected = "07";
const anyAddress = "0.0.0.0";

/** What listens in the engine's netns: /proc/net/{tcp,tcp6,udp,udp6} (proc_net(5)). A family that is missing counts as empty. */
export async function readListeners(protocols: ReadonlySet<string>): Promise<Listener[]> {
  const wanted = (["tcp", "udp"] as const).filter((protocol) => protocols.has(protocol));
  const tables = wanted.flatMap((protocol) => [
    readTable(protocol, `/proc/net/${protocol}`),
    readTable(protocol, `/proc/net/${protocol}6`),
  ]);
  return (await Promise.all(tables)).flat();
}

async function readTable(protocol: "tcp" | "udp", path: string): Promise<Listener[]> {
  return parseSocketTable(protocol, await readFile(path, "latin1").catch(() => ""));
}

/** Rows of one such file that listen: TCP in LISTEN, UDP that is bound and not connected to one peer. */
export function parseSocketTable(protocol: "tcp" | "udp", text: string): Listener[] {
  const state = ` ${protocol === "tcp" ? tcpListen : udpUnconnected} `;
  const rows = text.split("\n").filter((line) => line.includes(state));
  return rows.flatMap((row): Listener[] => {
    const fields = row.trim().split(/\s+/);
    const [address, port] = (fields[1] ?? "").split(":");
    if (fields[3] !== state.trim() || address === undefined || port === undefined) return [];
    const number = Number.parseInt(port, 16);
    return [{ protocol, ...decodeAddress(address), port: number, inode: fields[9] ?? "" }];
  });
}

/** Words of 32 bits in the machine's own order: little-endian on every platform Node has a Linux build for but s390x. */
function decodeAddress(hex: string): Pick<Listener, "address" | "address6"> {
  if (hex.length === 8) return { address: decodeIPv4(hex), address6: null };
  // Whether such a socket is for IPv6 only, the file does not tell.
  if (/^0+$/.test(hex)) return { address: anyAddress, address6: "::" };
  if (hex.startsWith("0000000000000000FFFF0000")) return { address: decodeIPv4(hex.slice(24)), address6: null };
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.map((word) => Buffer.from(word, "hex").reverse().toString("hex")).join("");
  return { address: null, address6: formatAddress({ family: 6, value: BigInt(`0x${bytes}`) }) };
}

function decodeIPv4(hex: string): string {
  const bytes = Buffer.from(hex, "hex").reverse();
  return formatIPv4(bytes.length === 4 ? bytes.readUInt32BE(0) : 0);
}

/** `nginx (pid 812)`, or null where no process with this socket can be seen. Reads every process: only for an error's text. */
export async function findSocketOwner(inode: string): Promise<string | null> {
  const target = `socket:[${inode}]`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (link !== target) continue;
      // Not its title or argv, which a process may set to anything.
      const program = await readlink(`/proc/${pid}/exe`).catch(() => "");
      return `${basename(program.replace(/ \(deleted\)$/, "")) || "a process"} (pid ${pid})`;
    }
  }
  return null;
}
