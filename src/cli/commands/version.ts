import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { protocolVersion } from "../../../engine/protocol/rpc.ts";
import { connectEngine } from "../../client/connection.ts";
import { clientVersion } from "../../client/version.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableJson } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

/** Starts no engine: who asks for the version does not want to change anything. */
export function command(cli: Cli): Command {
  return newCommand(cli, "version", "[options]", "show versions")
    .option("-f, --format <format>", "json or a template")
    .action(async ({ format }: { format?: string }) => {
      const versions = await readVersions(cli);
      if (format === "json") cli.print(printableJson(versions));
      else if (format !== undefined) cli.print(compileTemplate(format)(versions));
      else for (const line of describe(versions)) cli.print(line);
    });
}

type Versions = {
  readonly Client: { readonly Version: string; readonly ProtocolVersion: number; readonly NodeVersion: string };
  readonly Server: { readonly Version: string; readonly Pid: number; readonly StartedAt: string } | null;
};

async function readVersions(cli: Cli): Promise<Versions> {
  const client = { Version: clientVersion, ProtocolVersion: protocolVersion, NodeVersion: process.versions.node };
  try {
    using connection = await connectEngine({ socket: cli.paths.socket, clientName: "gantry-cli" });
    const { engineVersion, pid, startedAt } = connection.engine;
    return { Client: client, Server: { Version: engineVersion, Pid: pid, StartedAt: startedAt } };
  } catch (error) {
    if (error instanceof EngineError && error.code !== "internal") return { Client: client, Server: null };
    throw error;
  }
}

function describe({ Client, Server }: Versions): string[] {
  const client = [
    "Client:",
    ` Version:    ${Client.Version}`,
    ` Protocol:   ${Client.ProtocolVersion}`,
    ` Node:       ${Client.NodeVersion}`,
    "",
  ];
  if (Server === null) return [...client, "Engine: not running"];
  return [
    ...client,
    "Engine:",
    ` Version:    ${Server.Version}`,
    ` Pid:        ${Server.Pid}`,
    ` Started at: ${Server.StartedAt}`,
  ];
}
