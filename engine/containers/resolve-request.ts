import { hostname as hostnameOfHost } from "node:os";
import { findSignal } from "../host/signals.ts";
import type { ImageForContainer, ImageRunConfig } from "../images/image-service.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import type { PortRequest } from "../protocol/ports.ts";
import { resolveCommand, resolveEnvironment } from "../runtime/spec/command.ts";
import type { Resolution } from "./container-record.ts";
import { mergeHealthcheck } from "./health/health-rules.ts";
import { hasOwnNetworks } from "./network-mode.ts";

/** Puts a request and its image together. `id` is the new container's: its first 12 digits are the default hostname. */
export function resolveRequest(id: string, request: CreateRequest, image: ImageForContainer): Resolution {
  const { entrypoint, command, environment, user, workingDirectory, ...config } = image.config;
  const hostname = request.hostname ?? (request.network === "host" ? hostnameOfHost() : id.slice(0, 12));
  const exposedPorts = [...new Set([...config.exposedPorts, ...(request.expose ?? [])])];
  const defaults = { entrypoint, command, environment, user, workingDirectory };
  return {
    chain: [...image.chain],
    image: {
      entrypoint: [...entrypoint],
      command: [...command],
      environment: [...environment],
      user,
      workingDirectory,
    },
    args: resolveCommand({ request, image: defaults }),
    entrypointLength: (request.entrypoint ?? entrypoint).length,
    environment: resolveEnvironment({ request, image: defaults, hostname }),
    workingDirectory: request.workingDirectory || workingDirectory || "/",
    user: request.user || user,
    hostname,
    labels: { ...config.labels, ...request.labels },
    ports: resolvePorts(request, exposedPorts),
    exposedPorts,
    volumes: [...config.volumes],
    ...healthOf(request, image.config),
    stopSignal: request.stopSignal ?? knownSignal(config.stopSignal) ?? "SIGTERM",
  };
}

/** Nothing where neither asks for one: most containers. */
function healthOf(request: CreateRequest, image: ImageRunConfig): Pick<Resolution, "healthcheck" | "shell"> {
  const { healthcheck: given = null, shell = [] } = image;
  const healthcheck = mergeHealthcheck(
    request.healthcheck,
    given === null ? null : { ...given, test: [...given.test] },
  );
  return healthcheck === null ? {} : { healthcheck, shell: [...shell] };
}

/** An image may say anything: a container that nothing can stop is of no use. */
function knownSignal(text: string | null): string | null {
  return text === null || findSignal(text) === null ? null : text;
}

/** Ports asked for, and with publishAll each exposed one on a free port. */
function resolvePorts(request: CreateRequest, exposed: readonly string[]): PortRequest[] {
  if (!hasOwnNetworks(request)) return [];
  const ports = [...request.ports];
  const known = new Set(ports.map((port) => `${port.containerPort}/${port.protocol}`));
  for (const text of request.publishAll ? exposed : []) {
    const [number, protocol = "tcp"] = text.split("/");
    const containerPort = Number(number);
    // An image may say anything.
    const isPort = Number.isInteger(containerPort) && containerPort > 0 && containerPort < 65_536;
    if (known.has(`${containerPort}/${protocol}`) || !isPort || (protocol !== "tcp" && protocol !== "udp")) continue;
    known.add(`${containerPort}/${protocol}`);
    ports.push({ hostAddress: "", hostPort: null, containerPort, protocol });
  }
  return ports;
}
