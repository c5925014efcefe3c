import { type Digest, hexOf } from "../../oci/digest.ts";
import { familiarName, parseReference } from "../../oci/reference.ts";
import type { BuildRequest, BuildStep } from "../../protocol/builds.ts";

export const provenanceType = "https://slsa.dev/provenance/v0.2";

/** What a build was and what it was made of. */
export type ProvenanceFacts = {
  readonly request: Pick<BuildRequest, "buildID" | "buildArgs" | "labels" | "target" | "noCache" | "provenance">;
  /** `os/arch[/variant]` */
  readonly platform: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Images that were read, as they were asked for, by digest of what a registry knows them by, else of the config. */
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Of a remote context, `https://…#<commit>`; null for one of this host. */
  readonly source: string | null;
  /** Of the Dockerfile in the context. */
  readonly entryPoint: string;
  readonly dockerfile: string;
  readonly steps: readonly Pick<BuildStep, "stage" | "title" | "line" | "status" | "layer">[];
  /** Times that differ from build to build are left out. */
  readonly isReproducible: boolean;
};

const buildType = "https://mobyproject.org/buildkit@v1";

/**
 * SLSA provenance v0.2 as BuildKit writes it (https://slsa.dev/spec/v0.2/provenance; moby/buildkit, docs/attestations/slsa-provenance.md): `min`
 * names what went in and leaves out arguments, which may be private; `max` has all. Values of secrets are in neither.
 */
export function formatProvenance(facts: ProvenanceFacts): Buffer {
  const isMax = facts.request.provenance === "max";
  const predicate = {
    builder: { id: "" },
    buildType,
    materials: materialsOf(facts),
    invocation: {
      configSource: configSourceOf(facts),
      parameters: { frontend: "dockerfile.v0", ...(isMax ? { args: argumentsOf(facts) } : {}), ...localsOf(facts) },
      environment: { platform: facts.platform },
    },
    ...(isMax ? { buildConfig: { steps: facts.steps.map(stepOf) } } : {}),
    metadata: {
      ...(facts.isReproducible
        ? {}
        : {
            buildInvocationID: facts.request.buildID,
            buildStartedOn: facts.startedAt,
            buildFinishedOn: facts.finishedAt,
          }),
      completeness: { parameters: isMax, environment: true, materials: false },
      reproducible: false,
      [`${buildType}#metadata`]: isMax ? { source: sourceOf(facts) } : {},
    },
  };
  return Buffer.from(JSON.stringify(predicate));
}

function materialsOf({ images, platform, source }: ProvenanceFacts): object[] {
  const known = images.map(({ reference, digest }) => ({
    uri: urlOf(reference, platform),
    digest: { sha256: hexOf(digest) },
  }));
  const remote = source === null ? [] : [{ uri: source, ...commitOf(source) }];
  return [...known, ...remote];
}

function urlOf(reference: string, platform: string): string {
  const parsed = parseReference(reference);
  const name = familiarName(parsed).split("/").map(encodeURIComponent).join("/");
  const version = parsed.digest ?? parsed.tag ?? "latest";
  return `pkg:docker/${name}@${version}?platform=${encodeURIComponent(platform)}`;
}

function commitOf(source: string): object {
  const commit = /#([0-9a-f]{40})(?::|$)/.exec(source)?.[1];
  return commit === undefined ? {} : { digest: { sha1: commit } };
}

function configSourceOf({ source, entryPoint }: ProvenanceFacts): object {
  return source === null ? { entryPoint } : { uri: source, ...commitOf(source), entryPoint };
}

function localsOf({ source }: ProvenanceFacts): object {
  return source === null ? { locals: [{ name: "context" }, { name: "dockerfile" }] } : {};
}

/** As BuildKit's frontend takes them. */
function argumentsOf({ request }: ProvenanceFacts): Record<string, string> {
  return {
    ...(request.target === "" ? {} : { target: request.target }),
    ...(request.noCache ? { "no-cache": "" } : {}),
    ...prefixed("build-arg", request.buildArgs),
    ...prefixed("label", request.labels),
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}:${key}`, value]));
}

function stepOf({ stage, title, line, layer }: ProvenanceFacts["steps"][number]): object {
  return {
    ...(stage === "" ? {} : { stage }),
    instruction: title,
    ...(line === 0 ? {} : { line }),
    ...(layer === null ? {} : { layer: layer.diffID }),
  };
}

function sourceOf({ entryPoint, dockerfile }: ProvenanceFacts): object {
  const data = Buffer.from(dockerfile).toString("base64");
  return { infos: [{ filename: entryPoint, language: "Dockerfile", data }] };
}
