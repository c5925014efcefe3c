import type { Command } from "commander";
import { collect } from "./command.ts";

/** Flags of `run` and `create` as commander hands them over: text, not yet looked at. */
export type CreateOptions = {
  addHost?: string[];
  attach?: string[];
  capAdd?: string[];
  capDrop?: string[];
  cidfile?: string;
  cpuShares?: string;
  cpus?: string;
  cpusetCpus?: string;
  device?: string[];
  dns?: string[];
  dnsOption?: string[];
  dnsSearch?: string[];
  entrypoint?: string;
  expose?: string[];
  env?: string[];
  envFile?: string[];
  groupAdd?: string[];
  hostname?: string;
  init?: true;
  interactive?: true;
  label?: string[];
  labelFile?: string[];
  memory?: string;
  memoryReservation?: string;
  memorySwap?: string;
  mount?: string[];
  name?: string;
  net?: string;
  network?: string;
  oomScoreAdj?: string;
  pidsLimit?: string;
  platform?: string;
  privileged?: true;
  publish?: string[];
  publishAll?: true;
  pull?: string;
  quiet?: true;
  readOnly?: true;
  restart?: string;
  rm?: true;
  securityOpt?: string[];
  shmSize?: string;
  stopSignal?: string;
  stopTimeout?: string;
  sysctl?: string[];
  tmpfs?: string[];
  tty?: true;
  ulimit?: string[];
  user?: string;
  volume?: string[];
  workdir?: string;
};

const singleFlags: readonly (readonly [flag: string, text: string])[] = [
  ["-i, --interactive", "keep stdin open"],
  ["-t, --tty", "give it a terminal"],
  ["--name <name>", "name of the container"],
  ["-h, --hostname <name>", "its host name"],
  ["-u, --user <user>", "user[:group], names or numbers"],
  ["-w, --workdir <directory>", "working directory"],
  ["--entrypoint <command>", "instead of the image's entrypoint; empty: none"],
  ["--rm", "remove it when it ends"],
  ["--init", "a small init reaps its processes"],
  ["--read-only", "its root file system cannot be written"],
  ["--privileged", "all capabilities and devices"],
  ["-m, --memory <size>", "memory limit, e.g. 512m"],
  ["--memory-swap <size>", "memory plus swap; -1: without limit"],
  ["--memory-reservation <size>", "soft memory limit"],
  ["--cpus <number>", "CPUs, e.g. 1.5"],
  ["-c, --cpu-shares <weight>", "relative weight"],
  ["--cpuset-cpus <list>", "which CPUs, e.g. 0-2,4"],
  ["--pids-limit <number>", "processes; -1: without limit"],
  ["--shm-size <size>", "size of /dev/shm"],
  ["--oom-score-adj <number>", "-1000 to 1000"],
  ["-P, --publish-all", "publish all ports the image exposes"],
  ["--network <mode>", "bridge, none or host"],
  ["--net <mode>", "the same as --network"],
  ["--stop-signal <signal>", "signal that stops it"],
  ["--stop-timeout <seconds>", "wait before it is killed"],
  ["--restart <policy>", "no, always, unless-stopped, on-failure[:count]"],
  ["--cidfile <file>", "write the id to this file"],
  ["--pull <when>", "pull the image: always, missing (default) or never"],
  ["--platform <platform>", "os/arch[/variant] of the image"],
  ["-q, --quiet", "no word of the pull"],
  ["--disable-content-trust", "accepted; see gantry pull --verify"],
];

const repeatedFlags: readonly (readonly [flag: string, text: string])[] = [
  ["-e, --env <variable>", "NAME=value, or NAME with the value it has here"],
  ["--env-file <file>", "lines of NAME=value"],
  ["-v, --volume <mount>", "source:target[:ro]"],
  ["--mount <mount>", "type=bind|tmpfs,source=…,target=…[,readonly]"],
  ["--tmpfs <target>", "target[:options]"],
  ["-p, --publish <port>", "[address:][hostPort:]containerPort[/protocol]"],
  ["--expose <port>", "port[-port][/protocol] beside those of the image"],
  ["--add-host <host>", "name:address"],
  ["--dns <address>", "name server"],
  ["--dns-search <domain>", "search domain"],
  ["--dns-option <option>", "resolver option"],
  ["-l, --label <label>", "key[=value]"],
  ["--label-file <file>", "lines of key[=value]"],
  ["--cap-add <capability>", "add a capability, or ALL"],
  ["--cap-drop <capability>", "drop a capability, or ALL"],
  ["--security-opt <option>", "no-new-privileges, seccomp=unconfined|FILE"],
  ["--device <device>", "host[:container][:rwm]"],
  ["--ulimit <limit>", "name=soft[:hard]"],
  ["--sysctl <setting>", "name=value"],
  ["--group-add <group>", "further group of the user"],
  ["-a, --attach <stream>", "stdin, stdout, stderr"],
];

/** Adds the flags that `run` and `create` share. What follows the image belongs to the command in the container. */
export function addCreateOptions(command: Command): Command {
  for (const [flag, text] of singleFlags) command.option(flag, text);
  for (const [flag, text] of repeatedFlags) command.option(flag, text, collect);
  return command.argument("<image>").argument("[command...]").passThroughOptions();
}
