import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import type { Resources, RestartPolicy } from "../../../engine/protocol/resources.ts";
import type { StatsSample } from "../../../engine/protocol/stats.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { parseRestartPolicy } from "../../cli/parse/limits.ts";
import { parseBytesOrUnlimited, parseCpus, parseInteger } from "../../cli/parse/sizes.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { type Field, type Form, openForm as newForm, textOf } from "../../store/form.ts";
import { selectedContainer } from "../../store/selectors.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { command, flag } from "../forms/values.ts";

export const restartChoices = ["no", "on-failure", "always", "unless-stopped"];

const fields: readonly Field[] = [
  { id: "memory", label: "Memory", hint: "no limit; 256m, 2g" },
  { id: "swap", label: "With swap", hint: "memory and swap together; -1: no limit" },
  { id: "cpus", label: "CPUs", hint: "no limit; 0.5, 2" },
  { id: "pids", label: "Processes", hint: "no limit; 100" },
  { id: "restart", label: "Restart", hint: "no, on-failure:3, always, unless-stopped", choices: restartChoices },
];

export function limitsForm(container: ContainerSummary): Form {
  const values = limitTexts(container);
  return newForm({
    purpose: "container.limits",
    subject: container.id,
    title: "Limits of",
    name: screenText(container.name),
    enter: "change",
    doing: "changing the limits",
    fields,
    values,
    initial: values,
  });
}

export function openLimits(dashboard: Dashboard): void {
  const container = selectedContainer(dashboard.mirror.get(), dashboard.ui.get());
  if (container === null) flash(dashboard, { tone: "info", message: "no container is selected" });
  else openForm(dashboard, limitsForm(container));
}

function limitTexts({ resources, restartPolicy }: ContainerSummary): Record<string, string> {
  const { memory, memorySwap, nanoCpus, pidsLimit } = resources;
  const most = restartPolicy.maximumRetryCount;
  return {
    memory: memory === null ? "" : sizeText(memory),
    swap: memorySwap === null ? "" : sizeText(memorySwap),
    cpus: nanoCpus === null ? "" : String(nanoCpus / 1e9),
    pids: pidsLimit === null || pidsLimit <= 0 ? "" : String(pidsLimit),
    restart: restartPolicy.name + (restartPolicy.name === "on-failure" && most > 0 ? `:${most}` : ""),
  };
}

/** Bytes as one types them: `64m`; those that are no round number as they are. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ["g", 1024 ** 3],
    ["m", 1024 ** 2],
    ["k", 1024],
  ] as const) {
    if (bytes > 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

export type Update = { readonly resources: Resources; readonly restartPolicy?: RestartPolicy };

/** What was changed; all else is left as it is. Fails with a UsageError that names the wrong value. */
export function updateOf(form: Form): Update {
  const memory = changed(form, "memory", (text) => parseBytesOrUnlimited("memory", text));
  const memorySwap = changed(form, "swap", (text) => parseBytesOrUnlimited("memory-swap", text));
  const nanoCpus = changed(form, "cpus", (text) => (text === "-1" ? -1 : parseCpus(text)));
  const pidsLimit = changed(form, "pids", (text) => parseInteger("pids limit", text, { minimum: -1 }));
  const restartPolicy = changed(form, "restart", parseRestartPolicy);
  const resources = { ...unlimited, memory, memorySwap, nanoCpus, pidsLimit };
  return restartPolicy === null ? { resources } : { resources, restartPolicy };
}

const noLimit = /^(|-1|0|no|none|no limit|unlimited)$/i;

/** What is to become of a field's limit, -1: none; null where it stays as it is. */
function wanted(form: Form, id: string): string | null {
  const [text, before] = [textOf(form, id), form.initial[id] ?? ""];
  if (text === before) return null;
  if (id === "restart") return text || "no";
  if (!noLimit.test(text)) return text;
  // Where nothing is said of swap, there is as much as memory.
  return id !== "swap" && before === "" ? null : "-1";
}

function changed<T>(form: Form, id: string, parse: (text: string) => T): T | null {
  const text = wanted(form, id);
  return text === null ? null : parse(text);
}

/** The same as a command line; empty where nothing was changed. */
export function limitsTwin(form: Form): string {
  updateOf(form);
  const flags = Object.entries(flagNames).flatMap(([id, name]) => flag(name, wanted(form, id) ?? ""));
  return flags.length === 0 ? "" : command("gantry update", flags, form.name);
}

const flagNames: Readonly<Record<string, string>> = {
  memory: "--memory",
  swap: "--memory-swap",
  cpus: "--cpus",
  pids: "--pids-limit",
  restart: "--restart",
};

export function changeLimits(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const twin = limitsTwin(form);
    if (twin === "") return { message: `nothing was changed of ${form.name}`, twin };
    const { warnings } = await dashboard.client.request("containers.update", {
      container: form.subject,
      ...updateOf(form),
    });
    return { message: `changed the limits of ${form.name}`, twin, warnings };
  });
}

/** What it uses now, beside the fields. */
export function usesOf(sample: StatsSample | null): Readonly<Record<string, string>> {
  if (sample === null) return {};
  return {
    memory: `uses ${formatBinaryBytes(sample.memory.used)}`,
    cpus: `uses ${((sample.cpu.percent ?? 0) / 100).toFixed(2)}`,
    pids: `${sample.pids} now`,
  };
}
