import { type Command, Option } from "commander";
import { collect } from "../command.ts";

/** Flags of `build` as commander hands them over: text, not yet looked at. */
export type BuildOptions = {
  addHost?: string[];
  allow?: string[];
  annotation?: string[];
  attest?: string[];
  buildArg?: string[];
  buildContext?: string[];
  builder?: string;
  cacheFrom?: string[];
  cacheTo?: string[];
  call?: string;
  cgroupParent?: string;
  check?: true;
  cpuPeriod?: string;
  cpuQuota?: string;
  cpuShares?: string;
  cpus?: string;
  cpusetCpus?: string;
  cpusetMems?: string;
  file?: string;
  iidfile?: string;
  isolation?: string;
  label?: string[];
  load?: true;
  memory?: string;
  memorySwap?: string;
  metadataFile?: string;
  network?: string;
  /** Commander's name of --no-cache: true unless the flag stands there. */
  cache?: boolean;
  noCacheFilter?: string[];
  output?: string[];
  platform?: string[];
  policy?: string[];
  progress?: string;
  provenance?: string;
  pull?: true;
  push?: true;
  quiet?: true;
  sbom?: string;
  secret?: string[];
  securityOpt?: string[];
  shmSize?: string;
  squash?: true;
  ssh?: string[];
  tag?: string[];
  target?: string;
  ulimit?: string[];
};

type Flags = readonly (readonly [flag: string, text: string])[];

const singleFlags: Flags = [
  ["-f, --file <file>", "the Dockerfile (default: PATH/Dockerfile); -: stdin"],
  ["--target <stage>", "build up to this stage"],
  ["--no-cache", "build every step anew"],
  ["--pull", "ask registries for newer base images"],
  ["--network <network>", "of RUN: default, none, host, or a network's name"],
  ["-q, --quiet", "only the image's id, or what went wrong"],
  ["--progress <kind>", "auto, plain, tty, json, rawjson or quiet"],
  ["--check", "only say what is wrong with the Dockerfile"],
  ["--call <method>", "build or check"],
  ["--squash", "all new layers become one"],
  ["--push", "push the image when it is built"],
  ["--iidfile <file>", "write the image's id to this file"],
  ["--metadata-file <file>", "write what was made to this file, as JSON"],
  ["--provenance <mode>", "attest how it was made: true, false, mode=min or mode=max"],
  ["--sbom <wanted>", "attest what is in it: true or false"],
  ["-m, --memory <size>", "memory limit of each RUN, e.g. 512m"],
  ["--memory-swap <size>", "memory plus swap; -1: without limit"],
  ["--cpus <number>", "CPUs, e.g. 1.5"],
  ["-c, --cpu-shares <weight>", "relative weight"],
  ["--cpu-period <microseconds>", "period of the CPU quota"],
  ["--cpu-quota <microseconds>", "CPU time within a period"],
  ["--cpuset-cpus <list>", "which CPUs, e.g. 0-2,4"],
  ["--cpuset-mems <list>", "which memory nodes, e.g. 0"],
  ["--shm-size <size>", "size of /dev/shm"],
  ["--cgroup-parent <path>", "cgroup in which RUN stands"],
];

const repeatedFlags: Flags = [
  ["-t, --tag <name>", "name[:tag] of the image"],
  ["--build-arg <variable>", "NAME=value, or NAME with the value it has here"],
  ["--label <label>", "key[=value] of the image"],
  ["--build-context <context>", "NAME=PATH, URL, docker-image://… or oci-layout://…"],
  ["--no-cache-filter <stages>", "build these stages anew"],
  ["--platform <platform>", "os/arch[/variant] of the image"],
  ["--secret <secret>", "id=…[,src=FILE|,env=NAME]"],
  ["--ssh <agent>", "default, or ID=SOCKET"],
  ["--add-host <host>", "name:address for RUN"],
  ["--ulimit <limit>", "name=soft[:hard] for RUN"],
  ["--allow <right>", "network.host or security.insecure, for RUN to ask for"],
  ["-o, --output <output>", "DIRECTORY, or type=local|tar|oci|docker|image|registry|cacheonly[,dest=…]"],
  ["--cache-from <cache>", "NAME, or type=registry,ref=… or type=local,src=…"],
  ["--cache-to <cache>", "NAME, or type=registry,ref=… or type=local,dest=…[,mode=max]"],
  ["--attest <attestation>", "type=provenance[,mode=max] or type=sbom"],
];

/** Taken, and without a meaning here. */
const idleFlags: readonly string[] = ["--rm", "--force-rm", "--compress", "--load", "--disable-content-trust"];

/** Docker's flags for what there is not here: known, so that the answer is a sentence. */
const refusedFlags: readonly string[] = ["--builder <name>", "--isolation <technology>"];
const refusedRepeated: readonly string[] = ["--annotation <text>", "--security-opt <option>", "--policy <policy>"];

export function addBuildOptions(command: Command): Command {
  for (const [flag, text] of singleFlags) command.option(flag, text);
  for (const [flag, text] of repeatedFlags) command.option(flag, text, collect);
  for (const flag of [...idleFlags, ...refusedFlags]) command.addOption(new Option(flag).hideHelp());
  for (const flag of refusedRepeated) command.addOption(new Option(flag).argParser(collect).hideHelp());
  return command.argument("<context>");
}
