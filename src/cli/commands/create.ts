import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { createContainer } from "../create-container.ts";
import { addCreateOptions, type CreateOptions } from "../create-flags.ts";
import { toCreateRequest } from "../create-request.ts";

export function command(cli: Cli): Command {
  return addCreateOptions(newCommand(cli, "create", "[options] IMAGE [COMMAND] [ARG...]", "create a container")).action(
    async (image: string, words: string[], options: CreateOptions) => {
      const here = { directory: process.cwd(), environment: cli.environment };
      const request = toCreateRequest(image, words, options, here);
      const client = await cli.connect();
      cli.print(
        await createContainer(cli, client, { ...request, stdinOnce: request.openStdin && !request.terminal }, options),
      );
    },
  );
}
