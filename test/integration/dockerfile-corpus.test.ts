import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { checkDockerfile } from "../../engine/builder/dockerfile/lint.ts";
import { parseDockerfile } from "../../engine/builder/dockerfile/parse.ts";
import { resolveStages } from "../../engine/builder/dockerfile/stages.ts";

const root = join(import.meta.dirname, "../..");
const corpus = join(root, "test/fetched/dockerfiles");

beforeAll(async () => {
  await promisify(execFile)("sh", [join(root, "test/support/fetch-dockerfiles.sh")]);
}, 180_000);

/** Those that docker refuses, too: their projects have them for that, or build them with an argument, or mean a builder of their own. */
const refused: Readonly<Record<string, string>> = {
  "add-chmod/Dockerfile.bad": "line 3: missing a value on flag: --chmod",
  "add-chown/Dockerfile.bad": "line 3: missing a value on flag: --chown",
  "base-with-arg/Containerfile": 'line 13: invalid name for build stage: "platform-arm/v7"',
  "containerfile/Containerfile.in": "line 2: no build stage in current context",
  "copy-chmod/Dockerfile.bad": "line 3: missing a value on flag: --chmod",
  "copy-chown/Dockerfile.bad": "line 3: missing a value on flag: --chown",
  "copy-from/Dockerfile.bad": "line 2: missing a value on flag: --from",
  "copy-from/Dockerfile2.bad": "line 5: circular dependency detected on stage: build",
  "copy-multistage-paths/Dockerfile.invalid_from": "line 3: missing a value on flag: --from",
  "from-multiple-files/Dockerfile2.nofrom": "line 1: no build stage in current context",
  "from-with-arg/Containerfile": "line 7: variable expansion is not supported for --from",
  "multiarch/Dockerfile.fail-multistage": "line 2: base name ($SAFEIMAGE) should not be blank",
  "unrecognized/Dockerfile": "line 2: unknown instruction: BOGUS",
  "with-arg/Dockerfilefromarg": "line 8: base name ($" + "{app_type}) should not be blank",
};

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function read(path: string): string | null {
  try {
    const dockerfile = parseDockerfile(readFileSync(path, "utf8"));
    checkDockerfile(dockerfile, { buildArgs: {}, target: "" });
    resolveStages(dockerfile, { target: "", buildArgs: {}, platform: null });
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
}

it("reads the Dockerfiles that docker and buildah are tested with, but for those that are wrong", () => {
  const paths = filesBelow(corpus);
  expect(paths.length).toBeGreaterThan(300);
  const failures = paths.flatMap((path) => {
    const message = read(path);
    return message === null ? [] : [[path.split("/").slice(-2).join("/"), message] as const];
  });
  expect(Object.fromEntries(failures)).toEqual(
    Object.fromEntries(Object.entries(refused).map(([name, reason]) => [name, expect.stringContaining(reason)])),
  );
});
