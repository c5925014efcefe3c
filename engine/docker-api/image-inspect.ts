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

/** What the version of the API that a client speaks has of docker's inspect JSON of an image. */
export function formatInspected({ VirtualSize, Config, ...image }: Inspected, version: number): Inspected {
  return {
    ...image,
    ...(version < singleSize ? { VirtualSize } : {}),
    ...(version < noContainer ? { Container: "" } : {}),
    // docker-compose 1 reads the volumes of a container there, and ends in an error without, whatever version the engine has.
    ContainerConfig: Config,
    Config: version < imageFields ? Config : ownFields(Config),
  };
}

function ownFields(config: unknown): Inspected {
  const isOwn = ([name, value]: [string, unknown]) => ofImages.has(name) && value !== null && value !== "";
  return Object.fromEntries(Object.entries(config ?? {}).filter(isOwn));
}
