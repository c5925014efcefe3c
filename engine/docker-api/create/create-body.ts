import * as z from "zod/mini";
import { endpointConfig } from "../endpoint-config.ts";
import { flag, list, text, textMap, texts, whole, words } from "../go-json.ts";
import { resourcesBody, restartPolicyBody } from "./resources-body.ts";

/** Go's `map[string]struct{}`: only the names count. */
const names = z.pipe(
  z.nullish(z.record(z.string(), z.unknown())),
  z.transform((value) => Object.keys(value ?? {})),
);

const healthcheckBody = z.object({
  Test: texts,
  Interval: whole,
  Timeout: whole,
  StartPeriod: whole,
  StartInterval: whole,
  Retries: whole,
});

const bindingBody = z.object({ HostIp: text, HostPort: z.pipe(z.nullish(z.union([z.string(), z.int()])), toText()) });

/** Some clients write a port as a number. */
function toText() {
  return z.transform((value: string | number | null | undefined) => String(value ?? ""));
}

const mountBody = z.object({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  BindOptions: z.nullish(
    z.object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: z.nullish(
    z.object({
      NoCopy: flag,
      Labels: textMap,
      DriverConfig: z.nullish(z.object({ Name: text, Options: textMap })),
      Subpath: text,
    }),
  ),
  TmpfsOptions: z.nullish(z.object({ SizeBytes: whole, Mode: whole, Options: list(z.array(z.string())) })),
});
export type MountBody = z.output<typeof mountBody>;

/** An empty list is shown as one, and none as none. */
const nullable = z.pipe(
  z.nullish(z.array(z.string())),
  z.transform((value) => value ?? null),
);

const hostConfigBody = z.extend(resourcesBody, {
  Binds: texts,
  LogConfig: z.nullish(z.object({ Type: text, Config: textMap })),
  NetworkMode: text,
  PortBindings: z.nullish(z.record(z.string(), z.nullable(z.array(bindingBody)))),
  RestartPolicy: z.nullish(restartPolicyBody),
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  Annotations: textMap,
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: nullable,
  DnsOptions: texts,
  DnsSearch: nullable,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: whole,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: textMap,
  Tmpfs: textMap,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: whole,
  Sysctls: textMap,
  Runtime: text,
  Isolation: text,
  /** Of Windows. */
  CpuCount: whole,
  Ulimits: list(z.object({ Name: text, Soft: whole, Hard: whole })),
  Devices: list(z.object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  DeviceCgroupRules: texts,
  DeviceRequests: list(z.object({ Driver: text, Capabilities: list(z.array(z.string())) })),
  Mounts: list(mountBody),
  Init: z.nullish(z.boolean()),
  /** null: docker's own; empty: none. */
  MaskedPaths: z.nullish(z.array(z.string())),
  ReadonlyPaths: z.nullish(z.array(z.string())),
});
export type HostConfigBody = z.output<typeof hostConfigBody>;

/** moby's ContainerConfig, HostConfig and NetworkingConfig in one (POST /containers/create). What else is in there docker ignores as well. */
export const createBody = z.object({
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: words,
  Entrypoint: words,
  Healthcheck: z.nullish(healthcheckBody),
  Image: text,
  Volumes: names,
  WorkingDir: text,
  NetworkDisabled: flag,
  /** Before 1.44 that of the only network. */
  MacAddress: text,
  ExposedPorts: names,
  Labels: textMap,
  StopSignal: text,
  StopTimeout: z.nullish(z.int()),
  Shell: words,
  HostConfig: z.pipe(z.nullish(hostConfigBody), orEmpty()),
  NetworkingConfig: z.nullish(
    z.object({ EndpointsConfig: z.nullish(z.record(z.string(), z.nullable(endpointConfig))) }),
  ),
});
export type CreateBody = z.output<typeof createBody>;

function orEmpty() {
  return z.transform((value: HostConfigBody | null | undefined) => value ?? hostConfigBody.parse({}));
}
