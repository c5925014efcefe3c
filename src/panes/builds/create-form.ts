import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { BuildRequest } from "../../../engine/protocol/builds.ts";
import { emptyBuildRequest } from "../../../engine/protocol/defaults.ts";
import type { Credentials } from "../../../engine/protocol/transfers.ts";
import type { Dashboard } from "../../app/dashboard.ts";
import { registriesOf } from "../../cli/build/build-accounts.ts";
import { UsageError } from "../../cli/parse/usage-error.ts";
import { type Field, type Form, isYes, openForm as newForm, textOf } from "../../store/form.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { command, flag, pairsIn, words } from "../forms/values.ts";
import { credentialsFor } from "../images/own-work.ts";

const fields: readonly Field[] = [
  { id: "context", label: "Directory", hint: "where the files are; of this host" },
  { id: "dockerfile", label: "Dockerfile", hint: "Dockerfile in the directory when empty" },
  { id: "tags", label: "Names", hint: "web:2  registry.local/web" },
  { id: "target", label: "Stage", hint: "the last one when empty" },
  { id: "arguments", label: "Arguments", hint: "VERSION=1.2  MODE='two words'" },
  { id: "nocache", label: "Anew", hint: "no: steps come from the cache; yes", choices: ["no", "yes"] },
  { id: "pull", label: "Newer base", hint: "no: as it is here; yes: ask the registry", choices: ["no", "yes"] },
];

export function buildForm(directory: string): Form {
  return newForm({
    purpose: "build.create",
    subject: "",
    title: "Build an image",
    name: "",
    enter: "build",
    doing: "beginning",
    fields,
    values: { context: directory },
  });
}

export function openBuildForm(dashboard: Dashboard): void {
  openForm(dashboard, buildForm(process.cwd()));
}

/** What the form asks for. Fails with a UsageError where a value is none. */
export function buildRequestOf(form: Form): BuildRequest {
  const directory = textOf(form, "context");
  if (directory === "") throw new UsageError("directory: say where the files are");
  const path = resolve(directory);
  const dockerfile = textOf(form, "dockerfile");
  return {
    ...emptyBuildRequest(randomUUID(), { type: "directory", path }),
    dockerfile: { type: "path", path: dockerfile === "" ? "Dockerfile" : resolve(path, dockerfile) },
    tags: words("names", textOf(form, "tags")),
    buildArgs: pairsIn("arguments", textOf(form, "arguments")),
    target: textOf(form, "target"),
    pull: isYes(form, "pull"),
    noCache: isYes(form, "nocache"),
  };
}

/** The same as a command line. */
export function buildTwin(form: Form): string {
  const { buildArgs, tags, noCache, pull, target } = buildRequestOf(form);
  return command(
    "gantry build",
    tags.flatMap((tag) => flag("-t", tag)),
    flag("-f", textOf(form, "dockerfile")),
    flag("--target", target),
    Object.entries(buildArgs).flatMap(([key, value]) => flag("--build-arg", `${key}=${value}`)),
    noCache ? "--no-cache" : "",
    pull ? "--pull" : "",
    textOf(form, "context"),
  );
}

/** The user's accounts at the registries of the base images. A Dockerfile that cannot be read is the engine's to speak of. */
async function accountsFor(dashboard: Dashboard, { context, dockerfile, buildArgs }: BuildRequest) {
  const directory = context.type === "directory" ? context.path : "/";
  const path = dockerfile.type === "path" ? resolve(directory, dockerfile.path) : "";
  const text = await readFile(path, "utf8").catch(() => null);
  const accounts: Record<string, Credentials> = {};
  for (const registry of await registriesOf({ text, buildArgs, references: [] })) {
    const credentials = await credentialsFor(dashboard, registry);
    if (credentials !== null) accounts[registry] = credentials;
  }
  return accounts;
}

/** Goes on without this dashboard; the view shows it. */
export function createBuild(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const request = buildRequestOf(form);
    const credentials = await accountsFor(dashboard, request);
    await dashboard.client.request("builds.run", { request: { ...request, credentials }, detached: true });
    const build = { id: request.buildID, index: 0 };
    dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "builds", level: "steps", build, step: null, back: 0 } });
    return { message: `building ${request.tags[0] ?? textOf(form, "context")}`, twin: buildTwin(form) };
  });
}
