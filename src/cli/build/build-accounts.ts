import type { Credentials } from "../../../engine/protocol/transfers.ts";
import { hostOf, keyOf } from "../../client/accounts/accounts.ts";
import { readConfig } from "../../client/accounts/config-file.ts";
import { splitImageName } from "../../format/image-name.ts";
import { credentialsFor } from "../account.ts";
import type { Cli } from "../cli.ts";

export type NamedImages = {
  /** Of the Dockerfile; null: it is not at hand. */
  readonly text: string | null;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Names of images beside those in the Dockerfile. */
  readonly references: readonly string[];
};

/** The user's accounts at the registries that a build may ask: those that it names, or all where that cannot be told. */
export async function accountsFor(cli: Cli, named: NamedImages): Promise<Record<string, Credentials>> {
  const accounts: Record<string, Credentials> = {};
  for (const registry of await registriesOf(named)) {
    const credentials = await credentialsFor(cli, registry);
    if (credentials !== null) accounts[registry] = credentials;
  }
  return accounts;
}

/** Registries that a build may ask. */
export async function registriesOf({ text, buildArgs, references }: NamedImages): Promise<ReadonlySet<string>> {
  const bases = text === null ? null : findBases(text, buildArgs);
  const others = references.map((reference) => splitImageName(reference).registry);
  if (bases === null) return new Set([...others, ...(await knownRegistries())]);
  return new Set([...others, ...bases.map((base) => splitImageName(base).registry)]);
}

/** Those of which `config.json` says anything. */
async function knownRegistries(): Promise<string[]> {
  const { auths, credHelpers } = await readConfig().catch(() => ({ auths: null, credHelpers: null }));
  const keys = [...Object.keys(auths ?? {}), ...Object.keys(credHelpers ?? {})];
  return keys.map((key) => (key === keyOf("docker.io") ? "docker.io" : hostOf(key)));
}

const fromLine = /^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)(?:[ \t]+AS[ \t]+(\S+))?/gim;
const argLine = /^[ \t]*ARG[ \t]+([A-Za-z_]\w*)=["']?([^\s"']*)/gim;
const otherFrom = /(?:--from=|[,=]from=)([^\s,]+)/gi;

/**
 * Images that a Dockerfile names; a glance is enough, since one too many costs nothing but a look into the user's file. Null where a name is
 * made of what we do not know.
 */
export function findBases(text: string, buildArgs: Readonly<Record<string, string>>): readonly string[] | null {
  const values = new Map([...text.matchAll(argLine)].map(([, name = "", value = ""]) => [name, value]));
  for (const [name, value] of Object.entries(buildArgs)) values.set(name, value);
  const stages = new Set<string>(["scratch"]);
  const names: string[] = [];
  for (const [, base = "", stage] of text.matchAll(fromLine)) {
    names.push(base);
    if (stage !== undefined) stages.add(stage.toLowerCase());
  }
  for (const [, base = ""] of text.matchAll(otherFrom)) names.push(base);
  const known = names.map((name) =>
    name.replace(/\$(?:(\w+)|\{(\w+)\})/g, (all, bare, braced) => values.get(bare ?? braced) ?? all),
  );
  if (known.some((name) => name.includes("$"))) return null;
  return known.filter((name) => !stages.has(name.toLowerCase()) && !/^\d+$/.test(name));
}
