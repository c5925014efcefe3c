import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";
import { parsePort } from "../../cli/parse/ports.ts";
import { parseBytes, parseCpus, parseInteger } from "../../cli/parse/sizes.ts";
import { UsageError } from "../../cli/parse/usage-error.ts";
import { parseVolume } from "../../cli/parse/volumes.ts";
import type { CreateForm } from "../../store/create-form.ts";
import { splitWords } from "./words.ts";

/**
 * What the form asks for, as a request. The values are written as the flags of `gantry run`; several stand apart by blanks.
 * Fails with a UsageError that names the wrong value.
 */
export function requestOf(form: CreateForm, directory: string): CreateRequest {
  const { inputs } = form;
  const name = inputs.name.value.trim();
  const command = words("command", inputs.command.value);
  return {
    ...emptyCreateRequest(form.image),
    ...(name === "" ? {} : { name }),
    ...(command.length === 0 ? {} : { command }),
    ports: list("ports", inputs.ports.value).flatMap(parsePort),
    mounts: list("volumes", inputs.volumes.value).map((volume) => parseVolume(volume, { directory, driver: "local" })),
    environment: words("environment", inputs.environment.value).map(variable),
    resources: {
      ...unlimited,
      memory: optional(inputs.memory.value, (text) => parseBytes("memory", text)),
      nanoCpus: optional(inputs.cpus.value, parseCpus),
      pidsLimit: optional(inputs.pids.value, (text) => parseInteger("pids limit", text, { minimum: 1 })),
    },
  };
}

/** The same as a command line. */
export function twinOf(form: CreateForm): string {
  const { inputs } = form;
  const flags = [
    ...(inputs.name.value.trim() === "" ? [] : [`--name ${inputs.name.value.trim()}`]),
    ...list("ports", inputs.ports.value).map((port) => `-p ${port}`),
    ...list("volumes", inputs.volumes.value).map((volume) => `-v ${volume}`),
    ...words("environment", inputs.environment.value).map((text) => `-e ${quoted(text)}`),
    ...(inputs.memory.value.trim() === "" ? [] : [`--memory ${inputs.memory.value.trim()}`]),
    ...(inputs.cpus.value.trim() === "" ? [] : [`--cpus ${inputs.cpus.value.trim()}`]),
    ...(inputs.pids.value.trim() === "" ? [] : [`--pids-limit ${inputs.pids.value.trim()}`]),
  ];
  return ["gantry run -d", ...flags, form.image, inputs.command.value.trim()].filter((part) => part !== "").join(" ");
}

function words(field: string, text: string): string[] {
  const found = splitWords(text);
  if (found === null) throw new UsageError(`${field}: a quote is not closed`);
  return found;
}

/** Values apart by blanks or commas; a comma inside a volume's options comes after a colon and stays. */
function list(field: string, text: string): string[] {
  return words(field, field === "volumes" ? text : text.replaceAll(",", " "));
}

function variable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`environment: "${text}" is not NAME=value`);
  return text;
}

function optional<T>(text: string, parse: (text: string) => T): T | null {
  return text.trim() === "" ? null : parse(text.trim());
}

function quoted(text: string): string {
  return /[\s'"\\$]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : text;
}
