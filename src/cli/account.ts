import { messageOf } from "../../engine/errors.ts";
import type { Credentials } from "../../engine/protocol/transfers.ts";
import { findAccount } from "../client/accounts/accounts.ts";
import type { Cli } from "./cli.ts";
import { printableText } from "./printable.ts";

/** The user's credentials for a registry. As docker goes on without them where they cannot be had, but says so. */
export async function credentialsFor(cli: Cli, registry: string): Promise<Credentials | null> {
  try {
    return (await findAccount(registry))?.credentials ?? null;
  } catch (error) {
    cli.say(await printableText(`warning: ${messageOf(error)}; going on without an account at ${registry}`));
    return null;
  }
}
