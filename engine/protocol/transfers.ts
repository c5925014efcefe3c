import * as z from "zod/mini";

/**
 * What a client knows about a user's account at one registry: the client reads the user's own `config.json` and credential
 * helpers, the engine never does. Null in a request: anonymous. Never logged, never part of a message.
 */
export const credentials = z.discriminatedUnion("type", [
  z.object({ type: z.literal("password"), username: z.string(), password: z.string() }),
  /** A refresh token that the registry's token server gave at login (`identitytoken` in config.json). */
  z.object({ type: z.literal("identity-token"), token: z.string() }),
  /** A bearer token for the registry itself (`registrytoken`). */
  z.object({ type: z.literal("registry-token"), token: z.string() }),
]);
export type Credentials = z.infer<typeof credentials>;

const account = z.nullable(credentials);

const pulledImage = z.object({
  /** Familiar form, with tag or digest as asked for. */
  reference: z.string(),
  id: z.string(),
  /** Of what the name stands for at the registry: an index, or a manifest. */
  digest: z.string(),
  /** False: the name stood for these very bytes already. */
  isNew: z.boolean(),
});
export type PulledImage = z.infer<typeof pulledImage>;

const pushedImage = z.object({ reference: z.string(), digest: z.string(), size: z.number() });
export type PushedImage = z.infer<typeof pushedImage>;

const searchResult = z.object({
  name: z.string(),
  description: z.string(),
  stars: z.number(),
  isOfficial: z.boolean(),
});
export type SearchResult = z.infer<typeof searchResult>;

/**
 * Requests that reach a registry. Progress comes in parts, one a layer. Failures beside the usual: `unauthenticated` and
 * `permission-denied` as the registry says, `unavailable` where it cannot be reached or goes on failing, `corrupt` where its
 * bytes are not what their digest says.
 */
export const transferMethods = {
  /** platform: `os/arch[/variant]`, null for this host's. verifyKeys: PEM public keys, one of which must have signed. */
  "images.pull": {
    params: z.object({
      reference: z.string(),
      allTags: z.boolean(),
      platform: z.nullable(z.string()),
      credentials: account,
      verifyKeys: z.array(z.string()),
    }),
    result: z.object({ images: z.array(pulledImage) }),
  },
  "images.push": {
    params: z.object({ reference: z.string(), allTags: z.boolean(), credentials: account }),
    result: z.object({ images: z.array(pushedImage) }),
  },
  /** term: words, with a registry's name before a slash where it is not the default one. */
  "images.search": {
    params: z.object({ term: z.string(), limit: z.number(), credentials: account }),
    result: z.array(searchResult),
  },
  /** Asks the registry whether it takes these; keeps nothing. identityToken: to be kept instead of the password. */
  "registries.login": {
    params: z.object({ registry: z.string(), credentials }),
    result: z.object({ status: z.string(), identityToken: z.nullable(z.string()) }),
  },
} as const;
