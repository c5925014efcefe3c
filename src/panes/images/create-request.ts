import type { CreateRequest, Healthcheck } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";
import { parseRestartPolicy } from "../../cli/parse/limits.ts";

import { parsePort } from "../../cli/parse/ports.ts";
import { parseBytes, parseCpus, parseInteger } from "../../cli/parse/sizes.ts";
import { UsageError } from "../../cli/parse/usage-error.ts";
import { parseVolume } from "../../cli/parse/volumes.ts";
import { screenText } from "../../format/screen-text.ts";
import { type Field, type Form, openForm, textOf } from "../../store/form.ts";
import { restartChoices } from "../containers/limits-form.ts";
import { shellWord } from "../files/shell-word.ts";
import { command, flag, optional, words } from "../forms/values.ts";

const fields: readonly Field[] = [
  { id: "name", label: "Name", hint: "made up when empty" },
  { id: "command", label: "Command", hint: "the image's own when empty" },
  { id: "ports", label: "Ports", hint: "8080:80  127.0.0.1:5353:53/udp" },
  { id: "volumes", label: "Volumes", hint: "data:/data  ./conf:/etc/app:ro" },
  { id: "environment", label: "Environment", hint: "NAME=value  OTHER='two words'" },
  { id: "network", label: "Network", hint: "bridge when empty" },
  { id: "memory", label: "Memory", hint: "no limit when empty; 256m, 2g" },
  { id: "cpus", label: "CPUs", hint: "no limit when empty; 0.5, 2" },
  { id: "pids", label: "Processes", hint: "no limit when empty; 100" },
  { id: "restart", label: "Restart", hint: "no when empty; on-failure:3, always", choices: restartChoices },
  { id: "health", label: "Health check", hint: "the image's when empty; wget -q localhost" },
];

/** A form for an image; `ports` are those it exposes, written as they would be published; `networks`: there are. */
export function createForm(image: string, ports: string, networks: readonly string[] = []): Form {
  return openForm({
    purpose: "container.create",
    subject: image,
    title: "New container of",
    name: screenText(image),
    enter: "create and start",
    doing: "creating and starting",
    fields: fields.map((field) => (field.id === "network" ? { ...field, choices: networks } : field)),
    values: { ports },
  });
}

/**
 * What the form asks for, as a request. The values are written as the flags of `gantry run`; several stand apart by blanks.
 * Fails with a UsageError that names the wrong value.
 */
export function requestOf(form: Form, directory: string): CreateRequest {
  const name = textOf(form, "name");
  const given = commandOf(form);
  const restart = textOf(form, "restart");
  const health = textOf(form, "health");
  return {
    ...emptyCreateRequest(form.subject),
    ...(name === "" ? {} : { name }),
    ...(given.length === 0 ? {} : { command: given }),
    ...(health === "" ? {} : { healthcheck: shellCheck(health) }),
    ...(restart === "" ? {} : { restartPolicy: parseRestartPolicy(restart) }),
    ports: list(form, "ports").flatMap(parsePort),
    mounts: list(form, "volumes").map((volume) => parseVolume(volume, { directory, driver: "local" })),
    environment: list(form, "environment").map(variable),
    network: textOf(form, "network") || "bridge",
    resources: {
      ...unlimited,
      memory: optional(textOf(form, "memory"), (text) => parseBytes("memory", text)),
      nanoCpus: optional(textOf(form, "cpus"), parseCpus),
      pidsLimit: optional(textOf(form, "pids"), (text) => parseInteger("pids limit", text, { minimum: 1 })),
    },
  };
}

/** Asked in a shell of the container, as often as docker does. */
function shellCheck(text: string): Healthcheck {
  return { test: ["CMD-SHELL", text], interval: 0, timeout: 0, retries: 0, startPeriod: 0, startInterval: 0 };
}

/** The same as a command line. */
export function createTwin(form: Form): string {
  const text = (id: string) => textOf(form, id);
  const flags = [
    ...flag("--name", text("name")),
    ...list(form, "ports").map((port) => `-p ${port}`),
    ...list(form, "volumes").flatMap((volume) => flag("-v", volume)),
    ...list(form, "environment").map((variable) => `-e ${shellWord(variable)}`),
    ...flag("--network", text("network")),
    ...flag("--memory", text("memory")),
    ...flag("--cpus", text("cpus")),
    ...flag("--pids-limit", text("pids")),
    ...flag("--restart", text("restart")),
    ...flag("--health-cmd", text("health")),
  ];
  commandOf(form);
  return command("gantry run -d", flags, form.subject, text("command"));
}

function commandOf(form: Form): string[] {
  return words("command", textOf(form, "command"));
}

/** Values apart by blanks, ports also by commas: elsewhere a comma may be part of a value. */
function list(form: Form, field: string): string[] {
  const text = textOf(form, field);
  return words(field, field === "ports" ? text.replaceAll(",", " ") : text);
}

function variable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`environment: "${text}" is not NAME=value`);
  return text;
}
