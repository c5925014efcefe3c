/** The parts of an image's name as a person wrote it, the defaults filled in as docker does (distribution/reference). */
export type ImageName = {
  /** `docker.io`, `localhost:5000` */
  readonly registry: string;
  /** `library/nginx` */
  readonly repository: string;
  /** Empty where none is written. */
  readonly tag: string;
  /** `sha256:…`, or empty. */
  readonly digest: string;
};

/** Takes a name apart; whether it is one is for the engine to say. */
export function splitImageName(text: string): ImageName {
  const at = text.indexOf("@");
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const path = hasTag ? named.slice(0, colon) : named;
  const slash = path.indexOf("/");
  const first = slash === -1 ? "" : path.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const registry = !isRegistry || first === "index.docker.io" ? "docker.io" : first;
  const rest = isRegistry ? path.slice(slash + 1) : path;
  return {
    registry,
    repository: registry === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest,
    tag: hasTag ? named.slice(colon + 1) : "",
    digest: at === -1 ? "" : text.slice(at + 1),
  };
}

/** `docker.io/library/nginx:latest` */
export function fullName({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${tag === "" ? "" : `:${tag}`}${digest === "" ? "" : `@${digest}`}`;
}

/** `nginx:latest` */
export function familiarName(name: ImageName): string {
  const { registry, repository } = name;
  const path = registry !== "docker.io" ? `${registry}/${repository}` : repository.replace(/^library\/([^/]+)$/, "$1");
  return fullName(name).replace(`${registry}/${repository}`, path);
}

/** The tag `latest` where neither tag nor digest is written. */
export function withDefaultTag(name: ImageName): ImageName {
  return name.tag === "" && name.digest === "" ? { ...name, tag: "latest" } : name;
}
