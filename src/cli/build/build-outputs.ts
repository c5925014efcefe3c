import { resolve } from "node:path";
import type { BuildOutput } from "../../../engine/protocol/builds.ts";
import { checkKeys, findTruth, parseFields, wrong } from "./build-fields.ts";

/** Where the result goes. destination: absolute, `-` for stdout, null where there is none to write. */
export type OutputPlan = {
  readonly output: BuildOutput;
  readonly destination: string | null;
  /** Names that it gives to the image beside `--tag`. */
  readonly names: readonly string[];
  readonly push: boolean;
};

const image: OutputPlan = { output: { type: "image" }, destination: null, names: [], push: false };

/** `--output`: a directory, `-`, or `type=…,dest=…`. There is at most one. */
export function parseOutputs(texts: readonly string[], directory: string): OutputPlan {
  const [text, ...others] = texts;
  if (others.length > 0)
    throw wrong("multiple outputs are not supported: build once for each, the cache makes it quick");
  return text === undefined ? image : parseOutput(text, directory);
}

function parseOutput(text: string, directory: string): OutputPlan {
  if (text === "-") return { ...image, output: { type: "tar" }, destination: "-" };
  if (!text.includes("=")) return { ...image, output: { type: "local" }, destination: resolve(directory, text) };
  const fields = parseFields(text);
  const type = fields.get("type") ?? "";
  if (type === "") throw wrong("type is required for output");
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) {
    throw wrong(`output type "${type}" is not supported: want local, tar, oci, docker, image, registry or cacheonly`);
  }
  return make({ text, fields, directory });
}

type Written = {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly directory: string;
};

const makers: Readonly<Record<string, (written: Written) => OutputPlan>> = {
  local: (written) => {
    checkKeys(written.text, written.fields, ["type", "dest"]);
    const dest = written.fields.get("dest") ?? "";
    if (dest === "") throw wrong("dest is required for local exporter");
    if (dest === "-") throw wrong("dest cannot be stdout for local exporter");
    return { ...image, output: { type: "local" }, destination: resolve(written.directory, dest) };
  },
  tar: (written) => {
    checkKeys(written.text, written.fields, ["type", "dest"]);
    return { ...image, output: { type: "tar" }, destination: fileOf(written) };
  },
  oci: (written) => archive("oci", written),
  docker: (written) => (written.fields.has("dest") ? archive("docker", written) : inEngine(written)),
  image: (written) => inEngine(written),
  registry: (written) => ({ ...inEngine(written), push: true }),
  cacheonly: (written) => {
    checkKeys(written.text, written.fields, ["type"]);
    return { ...image, output: { type: "none" } };
  },
};

function archive(type: "oci" | "docker", written: Written): OutputPlan {
  checkKeys(written.text, written.fields, ["type", "dest", "name", "tar"]);
  if (findTruth(written.fields.get("tar") ?? "true") !== true) {
    throw wrong(`output type "${type}" is written as one file: tar=${written.fields.get("tar")} is not supported`);
  }
  return { ...image, output: { type }, destination: fileOf(written), names: namesOf(written) };
}

/** Layers here are not packed again: what says how they should be is of no use. */
function inEngine(written: Written): OutputPlan {
  checkKeys(written.text, written.fields, ["type", "name", "push", "store", "unpack"]);
  return { ...image, names: namesOf(written), push: findTruth(written.fields.get("push") ?? "false") === true };
}

function fileOf({ fields, directory }: Written): string {
  const dest = fields.get("dest") ?? "-";
  return dest === "-" || dest === "" ? "-" : resolve(directory, dest);
}

/** Several stand in double quotes, with commas between. */
function namesOf({ fields }: Written): string[] {
  return (fields.get("name") ?? "").split(",").filter((name) => name !== "");
}
