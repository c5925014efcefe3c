import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";

const ours = /gantry/i;
const interfaces = /^(gantry|gtb[0-9a-f]{8}|g[0-9a-f]{6})/;

/** Names of all mounts, links, netns, tables, cgroups and processes on this host that look like Gantry's, as lines. */
export function leftBehind() {
  return [...mounts(), ...links(), ...namespaces(), ...tables(), ...cgroups(), ...processes()];
}

function mounts() {
  const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return lines.filter((line) => ours.test(line)).map((line) => `mount ${line.split(" ")[1]}`);
}

function links() {
  return readdirSync("/sys/class/net")
    .filter((name) => interfaces.test(name))
    .map((name) => `link ${name}`);
}

function namespaces() {
  if (!existsSync("/run/netns")) return [];
  return readdirSync("/run/netns")
    .filter((name) => ours.test(name))
    .map((name) => `netns ${name}`);
}

function tables() {
  const listed = spawnSync("nft", ["list", "tables"], { encoding: "utf8" });
  return (listed.stdout ?? "")
    .split("\n")
    .filter((line) => ours.test(line))
    .map((line) => `nft ${line}`);
}

function cgroups() {
  return globSync("/sys/fs/cgroup/{,*/}gantry*").map((path) => `cgroup ${path}`);
}

function processes() {
  const found = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const argv = commandOf(pid);
    const supervised =
      /conmon|engine\.mjs|engine\/main\.ts/.test(argv[0] ?? "") || /engine(\.mjs|\/main\.ts)/.test(argv[1] ?? "");
    if (supervised) found.push(`process ${argv.slice(0, 6).join(" ")}`);
  }
  return found;
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
