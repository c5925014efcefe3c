import { readFile, writeFile } from "node:fs/promises";
import type { EngineConfig } from "../../config.ts";
import { chooseProfile, ensureProfile, hasAppArmor, isProfileLoaded } from "../../host/apparmor.ts";
import { settleAll } from "../../lib/settle.ts";
import { formatHosts, formatResolvConf, readHostResolvConf } from "../../networks/name-files.ts";
import type { Sandbox } from "../../networks/network-service.ts";
import type { CreateRequest, MountRequest } from "../../protocol/create-request.ts";
import { emptyCreateRequest } from "../../protocol/defaults.ts";
import type { RuntimeSpec } from "../../runtime/container-runtime.ts";
import { prepareSpec } from "../../runtime/spec/prepare-spec.ts";
import { findMountPoints } from "./mount-points.ts";
import type { StepPlace } from "./step-place.ts";
import type { StepWish } from "./step-runner.ts";

/** That of docker's builder: the same each time, or a command that writes it down would never give the same layer. */
export const stepHostname = "buildkitsandbox";

export type StepSurroundings = {
  readonly place: StepPlace;
  /** Null: the host's network. */
  readonly sandbox: Sandbox | null;
  readonly mounts: readonly MountRequest[];
  readonly cgroupsPath: string;
  readonly formatSpec: (spec: RuntimeSpec) => string;
};

/**
 * Makes the OCI bundle of a step with the isolation that containers have. Gives where something will be mounted, and what of the limits
 * cannot be had here. Fails with `invalid-argument`, `failed-precondition`.
 */
export async function writeStepBundle(
  config: EngineConfig,
  wish: StepWish,
  { place, sandbox, mounts, cgroupsPath, formatSpec }: StepSurroundings,
): Promise<{ readonly mountPoints: readonly string[]; readonly warnings: readonly string[] }> {
  const request = requestOf(wish, mounts);
  const apparmor = await prepareProfile(config, request);
  const wanted = prepareSpec({
    request,
    image: {
      entrypoint: [],
      command: wish.args,
      environment: wish.environment,
      user: wish.user,
      workingDirectory: wish.workingDirectory,
    },
    rootfs: wish.rootfs,
    netnsPath: sandbox === null ? null : sandbox.netnsPath,
    hostname: stepHostname,
    cgroupsPath,
    // A name that a command writes down stays in the image, as with docker's builder.
    files: { hosts: place.path("hosts"), resolvConf: place.path("resolv.conf"), hostname: null },
    apparmor,
  });
  const [{ spec, warnings }] = await settleAll([wanted, writeNameFiles(wish, place, sandbox)]);
  await writeFile(place.path("config.json"), formatSpec(spec), { mode: 0o600 });
  const targets = (spec.mounts as readonly { readonly destination: string }[]).map(({ destination }) => destination);
  return { mountPoints: findMountPoints(wish.rootfs, targets), warnings };
}

function requestOf(wish: StepWish, mounts: readonly MountRequest[]): CreateRequest {
  return {
    ...emptyCreateRequest(""),
    // Containers have one, commands of docker's builder have not.
    environment: wish.environment.some((entry) => entry.startsWith("HOSTNAME=")) ? [] : ["HOSTNAME"],
    mounts: [...mounts],
    privileged: wish.isPrivileged,
    ulimits: [...wish.ulimits],
    resources: wish.resources,
    shmSize: wish.shmSize,
    cgroupParent: wish.cgroupParent,
  };
}

async function prepareProfile({ names }: EngineConfig, request: CreateRequest): Promise<string | null> {
  const own = names.apparmorProfile;
  const profile = chooseProfile(request, { available: hasAppArmor(), own, isLoaded: isProfileLoaded });
  if (profile === own) await ensureProfile(profile);
  return profile;
}

async function writeNameFiles(wish: StepWish, place: StepPlace, sandbox: Sandbox | null): Promise<void> {
  const sharesHost = sandbox === null;
  const addresses = (sandbox?.endpoints ?? []).flatMap(({ ipAddress, ipv6Address }) =>
    [ipAddress, ipv6Address].filter((address) => address !== null),
  );
  const lines = formatHosts({
    hostname: stepHostname,
    ipAddresses: addresses,
    gateway: sandbox?.primary?.gateway ?? null,
    extraHosts: wish.extraHosts,
  });
  const hostLines = sharesHost ? `${await readFile("/etc/hosts", "utf8").catch(() => "")}\n` : "";
  const resolvConf = formatResolvConf(await readHostResolvConf(), {
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    sharesHostNetwork: sharesHost,
    resolver: sandbox?.resolver ?? null,
  });
  await settleAll([
    writeFile(place.path("hosts"), `${hostLines}${lines}`),
    writeFile(place.path("resolv.conf"), resolvConf),
  ]);
}
