/** From these on docker leaves out what was always empty or said elsewhere. */
const singleSize = 44;
const noContainer = 45;
const imageFields = 50;

/** What an image's config has of a container's: OCI's fields and docker's own (moby dockerspec, DockerOCIImageConfig). */
const ofImages = new Set([
  "ArgsEscaped",
  "Cmd",
  "Entrypoint",
  "Env",
  "ExposedPorts",
  "Healthcheck",
  "Labels",
  "OnBuild",
  "Shell",
  "StopSignal",
  "User",
  "Volumes",
  "WorkingDir",
]);

type Inspected = Readonly<Record<string, unknown>>;

/**
 * docker's classic builder left a step's command, with the build arguments before it, in the image: those who look for these arguments find
 * them there. They stand in the last step of the history; none where it ran nothing.
 */
function lastCommand(createdBy: string): readonly string[] | null {
  const [, count, rest = ""] = /^RUN \|(\d+) (.*?)(?: # buildkit)?$/s.exec(createdBy) ?? [];
  if (count === undefined) return null;
  const words = rest.split(" ");
  const most = Number(count);
  return [`|${count}`, ...words.slice(0, most), words.slice(most).join(" ")];
}

/** What the version of the API that a client speaks has of docker's inspect JSON of an image. */
export function formatInspected(
  { VirtualSize, Config, ...image }: Inspected,
  { version, createdBy }: { readonly version: number; readonly createdBy: string },
): Inspected {
  const Cmd = lastCommand(createdBy);
  return {
    ...image,
    ...(version < singleSize ? { VirtualSize } : {}),
    ...(version < noContainer ? { Container: "" } : {}),
    // docker-compose 1 reads the volumes of a container there, and ends in an error without, whatever version the engine has.
    ContainerConfig: Cmd === null ? Config : { ...(Config as object), Cmd },
    Config: version < imageFields ? Config : ownFields(Config),
  };
}

function ownFields(config: unknown): Inspected {
  const isOwn = ([name, value]: [string, unknown]) => ofImages.has(name) && value !== null && value !== "";
  return Object.fromEntries(Object.entries(config ?? {}).filter(isOwn));
}
