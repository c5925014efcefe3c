import { expect, it } from "vitest";
import { formatProvenance, type ProvenanceFacts } from "../../../../engine/builder/output/provenance.ts";
import { squashedHistory } from "../../../../engine/builder/output/squashed-history.ts";
import { sha256 } from "../../../../engine/oci/digest.ts";

const facts: ProvenanceFacts = {
  request: {
    buildID: "b-1",
    buildArgs: { TOKEN: "private" },
    labels: { a: "1" },
    target: "app",
    noCache: false,
    provenance: "min",
  },
  platform: "linux/amd64",
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:09Z",
  images: [{ reference: "debian:bookworm", digest: sha256("debian") }],
  source: null,
  entryPoint: "Dockerfile",
  dockerfile: "FROM debian:bookworm\n",
  steps: [{ stage: "app", title: "RUN true", line: 2, status: "done", layer: null }],
  isReproducible: false,
};
const read = (bytes: Buffer) => JSON.parse(bytes.toString());

it("says what went into an image, and keeps arguments for itself unless all is asked for", () => {
  const least = formatProvenance(facts);
  expect(least.includes("private")).toBe(false);
  expect(read(least)).toMatchObject({
    buildType: "https://mobyproject.org/buildkit@v1",
    materials: [
      {
        uri: "pkg:docker/debian@bookworm?platform=linux%2Famd64",
        digest: { sha256: sha256("debian").slice("sha256:".length) },
      },
    ],
    invocation: { configSource: { entryPoint: "Dockerfile" }, environment: { platform: "linux/amd64" } },
    metadata: { buildInvocationID: "b-1", completeness: { parameters: false } },
  });
  const most = read(formatProvenance({ ...facts, request: { ...facts.request, provenance: "max" } }));
  expect(most.invocation.parameters.args).toEqual({ target: "app", "build-arg:TOKEN": "private", "label:a": "1" });
  expect(most.buildConfig.steps).toEqual([{ stage: "app", instruction: "RUN true", line: 2 }]);
});

it("names the commit of a repository", () => {
  const source = `https://host/x.git#${"a".repeat(40)}`;
  const { materials, invocation } = read(formatProvenance({ ...facts, images: [], source }));
  expect(materials).toEqual([{ uri: source, digest: { sha1: "a".repeat(40) } }]);
  expect(invocation.configSource).toEqual({ uri: source, digest: { sha1: "a".repeat(40) }, entryPoint: "Dockerfile" });
});

it("says the same of the same build where times are set", () => {
  const other = { ...facts, startedAt: "later", finishedAt: "later", request: { ...facts.request, buildID: "b-2" } };
  const [one, two] = [facts, other].map((each) => formatProvenance({ ...each, isReproducible: true }));
  expect(one?.equals(two as Buffer)).toBe(true);
});

it("tells of squashed layers in the history", () => {
  const history = [
    { created_by: "base" },
    { created_by: "ENV", empty_layer: true },
    { created_by: "A" },
    { created_by: "B" },
  ];
  const createdAt = "2026-01-01T00:00:00Z";
  expect(squashedHistory(history, { kept: 1, hasLayer: true, createdAt })).toEqual([
    { created_by: "base" },
    { created_by: "ENV", empty_layer: true },
    { created_by: "A", empty_layer: true },
    { created_by: "B", empty_layer: true },
    { created: createdAt, created_by: "", comment: "merge 2 layers" },
  ]);
  expect(squashedHistory(history, { kept: 1, hasLayer: false, createdAt })).toHaveLength(4);
});
