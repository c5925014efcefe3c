import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { type Account, findAccount, hostOf, hubKey, keepAccount, keyOf } from "../../client/accounts/accounts.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";
import { Prompt } from "../prompt.ts";

type LoginFlags = { password?: string; passwordStdin?: true; username?: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "login", "[options] [SERVER]", "have an account at a registry kept")
    .option("-p, --password <password>", "password or access token; others can see it: rather --password-stdin")
    .option("--password-stdin", "read the password from stdin")
    .option("-u, --username <name>", "user name")
    .argument("[server]")
    .action((server: string | undefined, flags: LoginFlags) => login(cli, server, flags));
}

async function login(cli: Cli, server: string | undefined, flags: LoginFlags): Promise<void> {
  if (flags.password !== undefined) {
    cli.say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    if (flags.passwordStdin) {
      throw new UsageError("conflicting options: cannot specify both --password and --password-stdin", 1);
    }
  }
  if (flags.passwordStdin && !flags.username) {
    throw new UsageError("the --password-stdin option requires --username to be set", 1);
  }
  const registry = hostOf(server ?? hubKey);
  const name = keyOf(registry) === hubKey ? "docker.io" : registry;
  // First, since this process may be replaced by one of root, which then asks.
  const client = await cli.connect();
  const known = await findAccount(name).catch(() => null);
  if (known !== null && (await loginAgain(cli, client, { name, known, flags }))) return;
  const account = await accountFrom(cli, { name, flags, username: known?.username ?? "" });
  await keep(cli, client, name, account);
}

/** With the account that is there already, unless another one is asked for. False: it is not good any more. */
async function loginAgain(
  cli: Cli,
  client: EngineClient,
  { name, known, flags }: { name: string; known: Account; flags: LoginFlags },
): Promise<boolean> {
  if (flags.username !== undefined || flags.password !== undefined) return false;
  const who = known.username === "" ? "" : ` [Username: ${await printableText(known.username)}]`;
  cli.say(`Authenticating with existing credentials...${who}\n`);
  cli.say("Info -> To login with a different account, run 'gantry logout' followed by 'gantry login'\n");
  try {
    const { status } = await client.request("registries.login", { registry: name, credentials: known.credentials });
    cli.print(await printableText(status));
    return true;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "unauthenticated") throw error;
    cli.say(await printableText(`Login did not succeed, error: ${error.message}`));
    return false;
  }
}

async function keep(cli: Cli, client: EngineClient, name: string, account: Account): Promise<void> {
  const { credentials, username } = account;
  const { status, identityToken } = await client.request("registries.login", { registry: name, credentials });
  const kept: Account =
    identityToken === null || identityToken === ""
      ? account
      : { username, credentials: { type: "identity-token", token: identityToken } };
  const path = await keepAccount(name, kept);
  if (path !== null) {
    cli.say(await printableText(`\nWARNING! Your credentials are stored unencrypted in '${path}'.`));
    cli.say("Configure a credential helper to remove this warning. See");
    cli.say("https://docs.docker.com/go/credential-store/\n");
  }
  cli.print(await printableText(status));
}

type Asked = { readonly name: string; readonly flags: LoginFlags; readonly username: string };

/** From the flags, stdin, or a person. */
async function accountFrom(cli: Cli, asked: Asked): Promise<Account> {
  const { username = "", password = "" } = asked.flags;
  if (asked.flags.passwordStdin) return accountOf(username, await passwordFromStdin());
  if (username !== "" && password !== "") return accountOf(username, password);
  if (!process.stdin.isTTY) {
    throw new EngineError("failed-precondition", "cannot perform an interactive login from a non TTY device", {
      hint: "name the user by --username and give the password to --password-stdin",
    });
  }
  return askPerson(cli, asked);
}

async function askPerson(cli: Cli, { name, flags, username }: Asked): Promise<Account> {
  if (name === "docker.io" && flags.username === undefined) {
    cli.print("Log in with your Docker ID or email address to push and pull images from Docker Hub.");
  }
  using prompt = new Prompt();
  const offered = username === "" ? "" : ` (${await printableText(username)})`;
  const typed = flags.username ?? ((await prompt.ask(`Username${offered}: `)) || username).trim();
  if (typed === "") throw new EngineError("invalid-argument", "username is required");
  const password = flags.password ?? (await prompt.ask("Password: ", { hidden: true })) ?? "";
  if (password === "") throw new EngineError("invalid-argument", "password is required");
  return accountOf(typed, password);
}

async function passwordFromStdin(): Promise<string> {
  // Its line end is none of it.
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password === "") throw new EngineError("invalid-argument", "password is empty");
  return password;
}

function accountOf(username: string, password: string): Account {
  return { username, credentials: { type: "password", username, password } };
}
