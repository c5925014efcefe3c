import type { BuildRequest } from "../../../engine/protocol/builds.ts";
import { checkKeys, findTruth, parseFields, wrong } from "./build-fields.ts";

export type Attestations = Pick<BuildRequest, "provenance" | "sbom">;

type Flags = { readonly attest?: readonly string[]; readonly provenance?: string; readonly sbom?: string };

/** `--attest type=…`, and its short forms, which go before it. */
export function parseAttestations({ attest = [], provenance, sbom }: Flags): Attestations {
  const wanted: { -readonly [K in keyof Attestations]: Attestations[K] } = { provenance: "", sbom: false };
  const all = [
    ...attest.map((text) => ({ text, fields: parseFields(text) })),
    ...shortForm("provenance", provenance),
    ...shortForm("sbom", sbom),
  ];
  for (const { text, fields } of all) {
    const isOff = findTruth(fields.get("disabled") ?? "false") === true;
    const type = fields.get("type") ?? "";
    if (type === "provenance") wanted.provenance = isOff ? "" : modeOf(text, fields);
    else if (type === "sbom") wanted.sbom = !isOff && checkBill(text, fields);
    else throw wrong(`attestation type "${type}" is not supported: want provenance or sbom`);
  }
  return wanted;
}

/** `true`, `false`, or further fields. */
function shortForm(type: string, text: string | undefined) {
  if (text === undefined) return [];
  const truth = findTruth(text);
  const rest = truth === null ? parseFields(text) : new Map(truth ? [] : [["disabled", "true"]]);
  return [{ text, fields: new Map([["type", type], ...rest]) }];
}

function modeOf(text: string, fields: ReadonlyMap<string, string>): "min" | "max" {
  checkKeys(text, fields, ["type", "disabled", "mode", "reproducible", "inline-only", "version"]);
  const mode = fields.get("mode") ?? "min";
  if (mode === "min" || mode === "max") return mode;
  throw wrong(`invalid mode "${mode}" of provenance: want min or max`);
}

/** Generators are images that look at the result; ours is a part of the engine. */
function checkBill(text: string, fields: ReadonlyMap<string, string>): true {
  if (fields.has("generator")) throw wrong("generators of an SBOM are not supported: the engine makes it itself");
  checkKeys(text, fields, ["type", "disabled"]);
  return true;
}
