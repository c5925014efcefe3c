import { type Command, Option } from "commander";
import { collect } from "./command.ts";
import { type FixedResourceOptions, resourceFlags } from "./resource-flags.ts";

/** What there is not here, in docker's words. */
export type RefusedOptions = {
  cpuCount?: string;
  cpuPercent?: string;
  gpus?: string;
  ioMaxbandwidth?: string;
  ioMaxiops?: string;
  isolation?: string;
  link?: string;
  linkLocalIp?: string;
  storageOpt?: string;
  useApiSocket?: true;
};

/** Flags of `run` and `create` as commander hands them over: text, not yet looked at. */
export type CreateOptions = FixedResourceOptions & {
  addHost?: string[];
  annotation?: string[];
  attach?: string[];
  capAdd?: string[];
  capDrop?: string[];
  cgroupParent?: string;
  cgroupns?: string;
  cidfile?: string;
  device?: string[];
  deviceCgroupRule?: string[];
  dns?: string[];
  dnsOpt?: string[];
  dnsOption?: string[];
  dnsSearch?: string[];
  domainname?: string;
  entrypoint?: string;
  expose?: string[];
  env?: string[];
  envFile?: string[];
  groupAdd?: string[];
  healthCmd?: string;
  healthInterval?: string;
  healthRetries?: string;
  healthStartInterval?: string;
  healthStartPeriod?: string;
  healthTimeout?: string;
  /** Commander's name of --no-healthcheck. */
  healthcheck?: boolean;
  hostname?: string;
  init?: true;
  interactive?: true;
  ip?: string;
  ip6?: string;
  ipc?: string;
  label?: string[];
  labelFile?: string[];
  logDriver?: string;
  logOpt?: string[];
  macAddress?: string;
  mount?: string[];
  name?: string;
  net?: string[];
  netAlias?: string[];
  network?: string[];
  networkAlias?: string[];
  oomScoreAdj?: string;
  pid?: string;
  platform?: string;
  privileged?: true;
  publish?: string[];
  publishAll?: true;
  pull?: string;
  quiet?: true;
  readOnly?: true;
  restart?: string;
  rm?: true;
  runtime?: string;
  securityOpt?: string[];
  shmSize?: string;
  stopSignal?: string;
  stopTimeout?: string;
  sysctl?: string[];
  tmpfs?: string[];
  tty?: true;
  ulimit?: string[];
  user?: string;
  userns?: string;
  uts?: string;
  volume?: string[];
  volumeDriver?: string;
  volumesFrom?: string[];
  workdir?: string;
} & RefusedOptions;

type Flags = readonly (readonly [flag: string, text: string])[];

const singleFlags: Flags = [
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
  ...resourceFlags,
  ["--memory-swappiness <number>", "0 to 100, cgroup v1 only"],
  ["--oom-kill-disable", "its processes wait instead of being killed, cgroup v1 only"],
  ["--shm-size <size>", "size of /dev/shm"],
  ["--oom-score-adj <number>", "-1000 to 1000"],
  ["-P, --publish-all", "publish all ports the image exposes"],
  ["--ip <address>", "IPv4 address on the first network"],
  ["--ip6 <address>", "IPv6 address on the first network"],
  ["--mac-address <address>", "MAC address on the first network"],
  ["--domainname <name>", "its NIS domain name"],
  ["--ipc <mode>", "private, shareable, host or container:NAME"],
  ["--pid <mode>", "host or container:NAME"],
  ["--uts <mode>", "host"],
  ["--userns <mode>", "host, or auto[:size=N]: ids of its own"],
  ["--cgroupns <mode>", "private or host"],
  ["--cgroup-parent <path>", "cgroup it stands in"],
  ["--runtime <name>", "runc or crun"],
  ["--health-cmd <command>", "command that checks its health"],
  ["--health-interval <duration>", "time between checks, e.g. 30s"],
  ["--health-timeout <duration>", "time a check may take"],
  ["--health-retries <number>", "failures in a row until it is unhealthy"],
  ["--health-start-period <duration>", "time to start in which failures do not count"],
  ["--health-start-interval <duration>", "time between checks while it starts"],
  ["--no-healthcheck", "no health check, whatever the image says"],
  ["--log-driver <driver>", "local, json-file or none"],
  ["--volume-driver <driver>", "of volumes that -v makes: local"],
  ["--stop-signal <signal>", "signal that stops it"],
  ["--stop-timeout <seconds>", "wait before it is killed"],
  ["--restart <policy>", "no, always, unless-stopped, on-failure[:count]"],
  ["--cidfile <file>", "write the id to this file"],
  ["--pull <when>", "pull the image: always, missing (default) or never"],
  ["--platform <platform>", "os/arch[/variant] of the image"],
  ["-q, --quiet", "no word of the pull"],
  ["--disable-content-trust", "accepted; see gantry pull --verify"],
];

const repeatedFlags: Flags = [
  ["-e, --env <variable>", "NAME=value, or NAME with the value it has here"],
  ["--env-file <file>", "lines of NAME=value"],
  ["-v, --volume <mount>", "[path|volume:]target[:ro]"],
  ["--mount <mount>", "type=bind|volume|tmpfs,source=…,target=…[,readonly]"],
  ["--volumes-from <container>", "container[:ro]: all its mounts"],
  ["--tmpfs <target>", "target[:options]"],
  ["-p, --publish <port>", "[address:][hostPort:]containerPort[/protocol]"],
  ["--expose <port>", "port[-port][/protocol] beside those of the image"],
  ["--network <network>", "bridge, none, host, container:NAME, a network, or name=NETWORK,alias=…,ip=…"],
  ["--net <network>", "the same as --network"],
  ["--network-alias <name>", "further name on the first network"],
  ["--add-host <host>", "name:address"],
  ["--dns <address>", "name server"],
  ["--dns-search <domain>", "search domain"],
  ["--dns-option <option>", "resolver option"],
  ["-l, --label <label>", "key[=value]"],
  ["--label-file <file>", "lines of key[=value]"],
  ["--cap-add <capability>", "add a capability, or ALL"],
  ["--cap-drop <capability>", "drop a capability, or ALL"],
  ["--security-opt <option>", "no-new-privileges, seccomp=…, apparmor=…, systempaths=unconfined"],
  ["--device <device>", "host[:container][:rwm]"],
  ["--device-cgroup-rule <rule>", "devices it may use, e.g. 'c 13:* rwm'"],
  ["--device-read-bps <device:rate>", "bytes read a second, e.g. /dev/sda:1mb"],
  ["--device-write-bps <device:rate>", "bytes written a second"],
  ["--device-read-iops <device:rate>", "reads a second"],
  ["--device-write-iops <device:rate>", "writes a second"],
  ["--blkio-weight-device <device:weight>", "relative weight at a device"],
  ["--log-opt <option>", "max-size=…, max-file=…, compress=…"],
  ["--annotation <annotation>", "key[=value] for the runtime"],
  ["--ulimit <limit>", "name=soft[:hard]"],
  ["--sysctl <setting>", "name=value"],
  ["--group-add <group>", "further group of the user"],
  ["-a, --attach <stream>", "stdin, stdout, stderr"],
];

/** Docker's flags for what there is not here: known, so that the answer is a sentence. */
const refusedFlags: readonly string[] = [
  "--link <container>",
  "--gpus <devices>",
  "--storage-opt <option>",
  "--isolation <technology>",
  "--link-local-ip <address>",
  "--use-api-socket",
  "--cpu-count <number>",
  "--cpu-percent <number>",
  "--io-maxbandwidth <rate>",
  "--io-maxiops <rate>",
];

/** Docker's older names. */
const olderFlags: readonly string[] = ["--net-alias <name>", "--dns-opt <option>"];

/** Adds the flags that `run` and `create` share. What follows the image belongs to the command in the container. */
export function addCreateOptions(command: Command): Command {
  for (const [flag, text] of singleFlags) command.option(flag, text);
  for (const [flag, text] of repeatedFlags) command.option(flag, text, collect);
  for (const flag of refusedFlags) command.addOption(new Option(flag).hideHelp());
  for (const flag of olderFlags) command.addOption(new Option(flag).argParser(collect).hideHelp());
  return command.argument("<image>").argument("[command...]").passThroughOptions();
}
