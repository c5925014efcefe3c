import type { Credentials } from "../../../engine/protocol/transfers.ts";
import { type ConfigEntry, changeConfig, configPath, type DockerConfig, readConfig } from "./config-file.ts";
import { CredentialHelper, type HelperSecret, type HelperTerminal } from "./credential-helper.ts";

/** The user's account at one registry. */
export type Account = { readonly username: string; readonly credentials: Credentials };

/** What docker calls the default registry where it keeps accounts. */
export const hubKey = "https://index.docker.io/v1/";
const hubNames = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/** The user name under which helpers keep an identity token. */
const tokenUser = "<token>";

/** `https://host/v1/` and the like to `host`, as docker compares the keys of `auths`. */
export function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
}

/** A registry's name to its key in config.json. */
export function keyOf(registry: string): string {
  return hubNames.includes(registry) ? hubKey : registry;
}

/**
 * The user's account at a registry (`docker.io`, `localhost:5000`), as docker finds it: by the registry's own helper, the helper for
 * all, or in the file itself. Null: none. Fails where the file or the helper does.
 */
export async function findAccount(registry: string, terminal: HelperTerminal = "shared"): Promise<Account | null> {
  const config = await readConfig();
  const helper = helperOf(config, registry, terminal);
  if (helper === null) return accountOf(findEntry(config, registry));
  const secret = await helper.get(keyOf(registry));
  if (secret !== null) return accountOfSecret(secret);
  // A token that was put there by hand, which no helper knows of.
  const entry = findEntry(config, registry);
  return entry?.registrytoken ? accountOf(entry) : null;
}

/** Keeps an account. Gives the path of the file in which its secret now stands in clear, or null. */
export async function keepAccount(registry: string, account: Account): Promise<string | null> {
  const helper = helperOf(await readConfig(), registry);
  const key = keyOf(registry);
  if (helper !== null) {
    await helper.store(key, secretOf(account));
    // Without its secret, as docker leaves it: says that there is an account.
    await changeConfig((config) => setEntry(config, key, {}));
    return null;
  }
  const entry = entryOf(account);
  await changeConfig((config) => setEntry(config, key, entry));
  return configPath();
}

/** Forgets the account under every key that docker may have kept it under. */
export async function forgetAccount(registry: string): Promise<void> {
  const config = await readConfig();
  const keys = keysOf(registry);
  await helperOf(config, registry)?.erase(keyOf(registry));
  if (!keys.some((key) => Object.hasOwn(config.auths ?? {}, key))) return;
  await changeConfig((newest) => {
    for (const key of keys) delete newest.auths?.[key];
  });
}

function keysOf(registry: string): string[] {
  if (keyOf(registry) === hubKey) return [hubKey];
  return [registry, `http://${registry}`, `https://${registry}`];
}

/** A helper may stand under any name of the default registry. */
function helperOf(config: DockerConfig, registry: string, terminal?: HelperTerminal): CredentialHelper | null {
  const names = keyOf(registry) === hubKey ? [hubKey, ...hubNames] : [registry];
  const own = names.map((name) => config.credHelpers?.[name]).find((helper) => helper !== undefined);
  const name = own ?? config.credsStore ?? "";
  return name === "" ? null : new CredentialHelper(name, terminal);
}

function findEntry(config: DockerConfig, registry: string): ConfigEntry | null {
  const auths = config.auths ?? {};
  const key = keyOf(registry);
  if (Object.hasOwn(auths, key)) return auths[key] ?? null;
  const found = Object.entries(auths).find(([name]) => hostOf(name) === hostOf(key));
  return found?.[1] ?? null;
}

function accountOf(entry: ConfigEntry | null): Account | null {
  if (entry === null) return null;
  const { username, password } = namesOf(entry);
  const { registrytoken, identitytoken } = entry;
  if (registrytoken) return { username, credentials: { type: "registry-token", token: registrytoken } };
  if (identitytoken) return { username, credentials: { type: "identity-token", token: identitytoken } };
  return username === "" ? null : { username, credentials: { type: "password", username, password } };
}

function namesOf(entry: ConfigEntry): { username: string; password: string } {
  if (!entry.auth) return { username: entry.username ?? "", password: entry.password ?? "" };
  const decoded = Buffer.from(entry.auth, "base64").toString();
  const colon = decoded.indexOf(":");
  if (colon === -1) return { username: "", password: "" };
  // Old versions of docker padded with zeros.
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/^\0+|\0+$/g, "") };
}

function accountOfSecret({ username, secret }: HelperSecret): Account | null {
  if (username === tokenUser) return { username: "", credentials: { type: "identity-token", token: secret } };
  return username === "" ? null : { username, credentials: { type: "password", username, password: secret } };
}

function secretOf({ credentials }: Account): HelperSecret {
  if (credentials.type === "password") return { username: credentials.username, secret: credentials.password };
  return { username: tokenUser, secret: credentials.token };
}

function entryOf({ username, credentials }: Account): ConfigEntry {
  const encode = (words: string) => Buffer.from(words).toString("base64");
  switch (credentials.type) {
    case "password":
      return { auth: encode(`${credentials.username}:${credentials.password}`) };
    case "identity-token":
      return { ...(username === "" ? {} : { auth: encode(`${username}:`) }), identitytoken: credentials.token };
    case "registry-token":
      return { registrytoken: credentials.token };
  }
}

function setEntry(config: DockerConfig, key: string, entry: ConfigEntry): void {
  config.auths = { ...config.auths, [key]: entry };
}
