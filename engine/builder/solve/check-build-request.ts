import { isAbsolute } from "node:path";
import { EngineError } from "../../errors.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import type { BuildRequest } from "../../protocol/builds.ts";

/** Of build arguments, secrets, labels and the like. */
const mostEntries = 1_000;

/** Says what is wrong with a request before anything is done. Fails with `invalid-argument`. */
export function checkBuildRequest(request: BuildRequest): void {
  const { context, tags, namedContexts, ssh, platform, output } = request;
  const lists = { namedContexts, buildArgs: request.buildArgs, labels: request.labels };
  for (const [name, entries] of Object.entries(lists)) atMost(name, Object.keys(entries).length);
  for (const [name, entries] of Object.entries({ tags, ssh, secrets: request.secrets })) atMost(name, entries.length);
  const directories = [context, ...Object.values(namedContexts)].flatMap((each) =>
    each.type === "directory" || each.type === "oci-layout" ? [each.path] : [],
  );
  for (const path of [...directories, ...ssh.map((agent) => agent.path)]) {
    if (!isAbsolute(path)) throw invalid(`the path ${JSON.stringify(path.slice(0, 100))} is not absolute`);
  }
  for (const tag of tags) {
    if (parseReference(tag).digest !== null) throw invalid(`invalid tag ${JSON.stringify(tag)}: it has a digest`);
  }
  if (platform !== "") parsePlatform(platform);
  if (output.type !== "image" && output.type !== "none" && request.outputStreamID === undefined) {
    throw invalid(`the output ${output.type} needs a stream`);
  }
}

function atMost(name: string, count: number): void {
  if (count > mostEntries) throw invalid(`${count} ${name} are too many: at most ${mostEntries}`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
