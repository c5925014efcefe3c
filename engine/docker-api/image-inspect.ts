/** From these on docker leaves out what was always empty or said elsewhere. */
const singleSize = 44;
const noContainer = 45;
const shortConfig = 50;

type Inspected = Readonly<Record<string, unknown>>;

/** What the version of the API that a client speaks has of docker's inspect JSON of an image. */
export function formatInspected({ VirtualSize, Config, ...image }: Inspected, version: number): Inspected {
  return {
    ...image,
    ...(version < singleSize ? { VirtualSize } : {}),
    // docker-compose 1 reads the volumes of a new container there.
    ...(version < noContainer ? { Container: "", ContainerConfig: Config } : {}),
    Config: version < shortConfig ? Config : withoutEmpty(Config),
  };
}

function withoutEmpty(config: unknown): Inspected {
  const isSet = ([, value]: [string, unknown]) => value !== null && value !== "" && value !== false;
  return Object.fromEntries(Object.entries(config ?? {}).filter(isSet));
}
