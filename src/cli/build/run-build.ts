import { randomUUID } from "node:crypto";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import type { BuildRequest, BuildResult } from "../../../engine/protocol/builds.ts";
import { runBuild, watchBuild } from "../../client/build.ts";
import type { EngineClient } from "../../client/connection.ts";
import { fullName, splitImageName, withDefaultTag } from "../../format/image-name.ts";
import type { Cli } from "../cli.ts";
import { outputOf } from "../output.ts";
import { printableText } from "../printable.ts";
import { pushImage } from "../push-image.ts";
import { accountsFor } from "./build-accounts.ts";
import { type ContextPlan, planContext } from "./build-context.ts";
import { openOutput, removeIDFile, writeResult } from "./build-files.ts";
import type { BuildOptions } from "./build-flags.ts";
import { BuildInterrupt } from "./build-interrupt.ts";
import { BuildModel } from "./build-model.ts";
import { openProgress } from "./build-progress.ts";
import { proxyArguments } from "./build-proxies.ts";
import { checkLines, failureLines, imageLines, warningLines } from "./build-report.ts";
import { type BuildFlags, type ProgressKind, parseBuildFlags, progressKind, wantsColour } from "./build-request.ts";

/** What is to be built, and how that is shown. */
type Plan = {
  readonly flags: BuildFlags;
  readonly context: ContextPlan;
  readonly kind: ProgressKind;
  readonly hasColour: boolean;
};

type Outcome = { readonly result: BuildResult } | { readonly error: unknown };

/** `gantry build`: the exit code is docker's, 0 or 1, or that of a signal. */
export async function build(cli: Cli, where: string, options: BuildOptions): Promise<void> {
  const here = { directory: process.cwd(), environment: cli.environment };
  const flags = parseBuildFlags(options, here, await proxyArguments());
  const output = outputOf("stderr");
  const { TERM: term = "", NO_COLOR } = process.env;
  const progress = { ...options, progress: options.progress || here.environment.BUILDKIT_PROGRESS || "auto" };
  const kind = progressKind(progress, { isTTY: output.isTTY === true, term });
  const wish = { where, file: options.file || null, directory: here.directory, stdin: process.stdin };
  // Who has to become root begins anew: nothing of stdin may have been read by then.
  const isHere = where !== "-" && options.file !== "-";
  const early = isHere ? await planContext(wish) : null;
  const client = await cli.connect();
  const context = early ?? (await planContext(wish));
  removeIDFile(options);
  const plan: Plan = { flags, context, kind, hasColour: wantsColour({ TERM: term, NO_COLOR }) };
  await runPlan(cli, client, { plan, options });
}

type Work = { readonly plan: Plan; readonly options: BuildOptions };

async function runPlan(cli: Cli, client: EngineClient, { plan, options }: Work): Promise<void> {
  const { flags, context, kind } = plan;
  const request = await requestOf(cli, plan);
  const model = new BuildModel();
  await using files = await openOutput(flags.plan);
  using interrupt = new BuildInterrupt(() => cancel(client, request.buildID));
  using progress = openProgress(kind, { output: outputOf("stderr"), hasColour: plan.hasColour }, model);
  // Asked for first, so that nothing is missed; the build need not wait for the answer.
  const watching = watchBuild(client, request.buildID, (event) => {
    model.take(event, Date.now());
    progress.take(event);
  });
  const running = settle(runBuild(client, request, { context: context.stream, output: files.sink }));
  const [watched, outcome] = await Promise.all([watching, running]);
  await watched.finished();
  if ("error" in outcome) {
    progress.end([]);
    cli.exitCode = interrupt.exitCode ?? 1;
    return fail(cli, client, { plan, model, buildID: request.buildID, error: outcome.error });
  }
  await files.keep();
  const names = request.tags.map((tag) => fullName(withDefaultTag(splitImageName(tag))));
  progress.end(imageLines(outcome.result, names));
  await finish(cli, { client, plan, model, buildID: request.buildID, result: outcome.result });
  writeResult(options, outcome.result, { buildID: request.buildID, names });
  if (flags.plan.push) await pushAll(cli, client, request.tags, kind);
}

/** What is shown of it goes where the progress of the build does not stand in its way. */
async function pushAll(cli: Cli, client: EngineClient, tags: readonly string[], kind: ProgressKind): Promise<void> {
  const quiet = kind !== "tty" && kind !== "plain";
  for (const tag of tags) {
    await pushImage(cli, client, { name: withDefaultTag(splitImageName(tag)), allTags: false, quiet });
  }
}

async function requestOf(cli: Cli, { flags, context }: Plan): Promise<BuildRequest> {
  const { fields } = flags;
  const images = Object.values(fields.namedContexts).flatMap((one) => (one.type === "image" ? [one.reference] : []));
  const caches = [...fields.cacheFrom, ...fields.cacheTo].flatMap((one) =>
    one.type === "registry" ? [one.reference] : [],
  );
  return {
    ...fields,
    buildID: randomUUID(),
    context: context.context,
    dockerfile: context.dockerfile,
    output: flags.plan.output,
    tags: [...flags.tags],
    credentials: await accountsFor(cli, {
      text: context.text,
      buildArgs: fields.buildArgs,
      references: [...images, ...caches],
    }),
  };
}

function settle(work: Promise<BuildResult>): Promise<Outcome> {
  return work.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
}

/** The answer to the build is its failure then. One that the engine does not know yet ends with its connection. */
function cancel(client: EngineClient, buildID: string): void {
  client.request("builds.cancel", { build: buildID }).catch(() => client.close());
}

type Failed = {
  readonly plan: Plan;
  readonly model: BuildModel;
  readonly buildID: string;
  readonly error: unknown;
};

async function fail(cli: Cli, client: EngineClient, { plan, model, buildID, error }: Failed): Promise<void> {
  const message = messageOf(error);
  const isCancelled = error instanceof EngineError && error.code === "cancelled";
  const failed = isCancelled ? null : model.failed;
  const line = failed?.step.line || lineOf(message);
  const text = line === 0 ? "" : (plan.context.text ?? (await dockerfileOf(client, buildID)));
  const source = { fileName: plan.context.fileName, text, line };
  for (const said of failureLines(failed, source, message)) cli.say(said);
  if (error instanceof EngineError && error.hint !== null) cli.say(await printableText(`hint: ${error.hint}`));
}

/** A Dockerfile that is wrong, or a base that cannot be had, fails before there is a step of its line. 0: the message names none. */
function lineOf(message: string): number {
  return Number(/^(?:dockerfile parse error on )?line (\d+)/.exec(message)?.[1] ?? 0);
}

/** Empty where the engine has not come to read it. */
async function dockerfileOf(client: EngineClient, buildID: string): Promise<string> {
  const inspected = await client.request("builds.inspect", { build: buildID }).catch(() => null);
  return inspected?.dockerfile ?? "";
}

type Finished = {
  readonly client: EngineClient;
  readonly plan: Plan;
  readonly model: BuildModel;
  readonly buildID: string;
  readonly result: BuildResult;
};

async function finish(cli: Cli, { client, plan, model, buildID, result }: Finished): Promise<void> {
  const { flags, context, kind } = plan;
  const warnings = result.warnings.length > 0 ? result.warnings : model.warnings;
  if (flags.fields.check) {
    const text = context.text ?? (await dockerfileOf(client, buildID));
    for (const line of checkLines(warnings, { fileName: context.fileName, text })) cli.print(line);
    cli.exitCode = warnings.length === 0 ? 0 : 1;
    return;
  }
  if (kind === "quiet" && result.imageID !== null) cli.print(result.imageID);
  if (kind === "plain" || kind === "tty") {
    for (const line of warningLines(warnings, plan.hasColour && kind === "tty")) cli.say(line);
  }
}
