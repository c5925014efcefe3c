import type { ImageService } from "../images/image-service.ts";
import type { Endpoint, Sandbox } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import { formatStatus } from "../protocol/status-text.ts";

export type SummaryFacts = {
  /** What its image is called by now. */
  readonly image: string;
  readonly sandbox: Sandbox | null;
  /** Bytes, where they were asked for. */
  readonly size: { readonly written: number; readonly total: number } | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** Names of containers' images: as they were asked for, or the image's id where that name is another image's, or nobody's, by now. */
export function namesOfImages(images: Pick<ImageService, "resolve">): (container: ContainerSummary) => string {
  const ids = new Map<string, string | null>();
  return ({ image, imageID }) => {
    const known = ids.get(image);
    const id = known === undefined ? findImageID(images, image) : known;
    ids.set(image, id);
    return id === imageID ? image : imageID;
  };
}

function findImageID(images: Pick<ImageService, "resolve">, image: string): string | null {
  try {
    return images.resolve(image).id;
  } catch {
    return null;
  }
}

/** One item of docker's list of containers (Engine API, ContainerSummary). */
export function toDockerSummary(container: ContainerSummary, { image, sandbox, size, now }: SummaryFacts) {
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: image,
    ImageID: container.imageID,
    Command: container.command.map(quote).join(" "),
    Created: Math.floor(Date.parse(container.createdAt) / 1000),
    Ports: portsOf(container),
    ...(size === null ? {} : sizesOf(size)),
    Labels: container.labels,
    State: container.status,
    Status: formatStatus(container, now),
    HostConfig: { NetworkMode: container.network },
    NetworkSettings: { Networks: networksOf(container, sandbox) },
    Mounts: container.mounts.map(toMountPoint),
  };
}

/** Go leaves out what is 0. */
function sizesOf({ written, total }: { readonly written: number; readonly total: number }) {
  return { ...(written === 0 ? {} : { SizeRw: written }), ...(total === 0 ? {} : { SizeRootFs: total }) };
}

function quote(word: string): string {
  return word.includes(" ") ? `'${word}'` : word;
}

function portsOf({ ports, exposedPorts = [] }: ContainerSummary) {
  const published = new Set(ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const bound = ports.map(({ hostAddress, hostPort, containerPort, protocol }) => ({
    IP: hostAddress,
    PrivatePort: containerPort,
    PublicPort: hostPort,
    Type: protocol as string,
  }));
  const exposed = exposedPorts
    .filter((port) => !published.has(port))
    .map((port) => {
      const [number = "", Type = "tcp"] = port.split("/");
      return { PrivatePort: Number(number), Type };
    });
  return [...bound, ...exposed];
}

function networksOf({ endpoints, network }: ContainerSummary, sandbox: Sandbox | null) {
  const places = new Map((sandbox?.endpoints ?? []).map((endpoint) => [endpoint.networkID, endpoint]));
  if (endpoints.length === 0 && (network === "host" || network === "none")) {
    return { [network]: toPlace({ networkID: "", aliases: [] }, null) };
  }
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.network, toPlace(endpoint, places.get(endpoint.networkID) ?? null)]),
  );
}

type Known = { readonly networkID: string; readonly aliases: readonly string[] };

function toPlace({ networkID, aliases }: Known, endpoint: Endpoint | null) {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: aliases.length === 0 ? null : aliases,
    MacAddress: endpoint?.macAddress ?? "",
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: networkID,
    EndpointID: endpoint?.endpointID ?? "",
    Gateway: endpoint?.gateway ?? "",
    IPAddress: endpoint?.ipAddress ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6Gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6Address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6PrefixLength ?? 0,
    DNSNames: null,
  };
}

function toMountPoint({ type, source, target, readOnly, name }: ContainerSummary["mounts"][number]) {
  return {
    Type: type,
    ...(name === undefined ? {} : { Name: name }),
    Source: source,
    Destination: target,
    ...(type === "volume" ? { Driver: "local" } : {}),
    Mode: readOnly ? "ro" : "",
    RW: !readOnly,
    Propagation: type === "bind" ? "rprivate" : "",
  };
}
