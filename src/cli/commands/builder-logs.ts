import type { Command } from "commander";
import { watchBuild } from "../../client/build.ts";
import { BuildModel } from "../build/build-model.ts";
import { openProgress } from "../build/build-progress.ts";
import { failureLines } from "../build/build-report.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { outputOf } from "../output.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "builder logs", "BUILD", "show what a build has done; of one that runs, until its end")
    .argument("<build>")
    .action((build: string) => showLogs(cli, build));
}

async function showLogs(cli: Cli, name: string): Promise<void> {
  const client = await cli.connect();
  using _leaving = new Interruptible();
  const { summary, dockerfile } = await client.request("builds.inspect", { build: name });
  const model = new BuildModel();
  using progress = openProgress("plain", { output: outputOf("stdout"), hasColour: false }, model);
  const ended = Promise.withResolvers<void>();
  client.onClose((reason) => ended.reject(reason));
  await watchBuild(client, summary.id, (event) => {
    model.take(event, Date.now());
    progress.take(event);
    if (event.type === "finished") ended.resolve();
  });
  await ended.promise;
  progress.end([]);
  const { status = "running", error = "" } = model.finished ?? {};
  if (status !== "failed") return;
  const place = { fileName: "Dockerfile", text: dockerfile, line: model.failed?.step.line ?? 0 };
  for (const line of failureLines(model.failed, place, error)) cli.print(line);
}
