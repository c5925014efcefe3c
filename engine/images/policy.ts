import { readFile, stat } from "node:fs/promises";
import * as z from "zod/mini";
import { EngineError, messageOf } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { parseDocument } from "../oci/parse.ts";
import { parseReference, type Reference } from "../oci/reference.ts";

/** What the host's administrator asks of an image before it may be pulled. */
export type PolicyRule =
  | { readonly require: "accept" }
  /** match: the rule's prefix, or `default`. */
  | { readonly require: "reject"; readonly match: string }
  /** keys: what the key files hold, PEM. signedAs: further names a signature may be made out to, for mirrored repositories. */
  | {
      readonly require: "signed";
      readonly match: string;
      readonly keys: readonly string[];
      readonly signedAs: readonly string[];
    };

export interface TrustPolicy {
  /** The rule with the longest prefix. `failed-precondition` where the policy or a key of the rule cannot be read: never a guess. */
  ruleFor(reference: Reference): Promise<PolicyRule>;
}

const fileLimit = 1024 * 1024;
const keyFileLimit = 64 * 1024;

const absolutePath = z.string().check(z.regex(/^\//, "must be an absolute path"));
const ruleSchema = z.discriminatedUnion(
  "require",
  [
    z.strictObject({ match: z.string(), require: z.literal("accept") }),
    z.strictObject({ match: z.string(), require: z.literal("reject") }),
    z.strictObject({
      match: z.string(),
      require: z.literal("signed"),
      keys: z.array(absolutePath).check(z.minLength(1, "must name a key file"), z.maxLength(32)),
      signedAs: z.optional(z.array(z.string()).check(z.maxLength(32))),
    }),
  ],
  'must be "accept", "reject" or "signed" (by keys; keyless signatures are not verified)',
);
const policySchema = z.strictObject({
  default: z.optional(z.enum(["accept", "reject"])),
  rules: z.optional(z.array(ruleSchema).check(z.maxLength(1_000))),
});
type Policy = z.infer<typeof policySchema>;
type Rule = z.infer<typeof ruleSchema>;

/**
 * The policy in a file of the administrator's, read anew for each pull so that a change counts at once:
 *
 *     {
 *       "default": "accept",
 *       "rules": [
 *         { "match": "registry.example/team", "require": "signed", "keys": ["/etc/gantry/keys/team.pub"] },
 *         { "match": "mirror.example/team", "require": "signed", "keys": ["/etc/gantry/keys/team.pub"],
 *           "signedAs": ["registry.example/team"] },
 *         { "match": "docker.io", "require": "reject" },
 *         { "match": "docker.io/library", "require": "accept" }
 *       ]
 *     }
 *
 * `match` is a registry, or a registry and the first names of a repository; the longest that fits counts, in whatever order they stand.
 * `accept`: any image. `reject`: none. `signed`: one that `cosign sign --key` signed with one of the keys (PEM public keys).
 * `signedAs`: the signature may be made out to a repository below these, too, as it is with copies. `default` is for what no rule
 * matches, `accept` where it is left out. No file: all is accepted. A file that cannot be read or understood: nothing is.
 */
export function openPolicy(path: string): TrustPolicy {
  return {
    ruleFor: async (reference) => {
      const policy = await readPolicy(path);
      const name = `${reference.registry}/${reference.repository}`;
      const fitting = (policy.rules ?? []).filter((rule) => isWithin(name, rule.match));
      const [rule] = fitting.sort((one, other) => other.match.length - one.match.length);
      if (rule === undefined) return policy.default === "reject" ? { require: "reject", match: "default" } : accept;
      return resolveRule(rule, path);
    },
  };
}

const accept: PolicyRule = { require: "accept" };

/** True for the repository itself and for those below it: `a.example/team` holds `a.example/team/web`, not `a.example/teamwork`. */
export function isWithin(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(`${prefix}/`);
}

async function readPolicy(path: string): Promise<Policy> {
  const bytes = await readLimited(path, fileLimit).catch((error: unknown) => {
    // Only a file that is not there means that nobody asked for anything.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw broken(path, messageOf(error), error);
  });
  if (bytes === null) return {};
  try {
    return normalizePolicy(parseDocument(policySchema, decodeJson(bytes, "it"), "it"));
  } catch (error) {
    throw broken(path, messageOf(error), error);
  }
}

/** Writes each prefix as references are: a misspelt one would match nothing, and what it forbids would be let in. */
function normalizePolicy(policy: Policy): Policy {
  const rules = (policy.rules ?? []).map((rule): Rule => {
    const match = normalizePrefix(rule.match);
    if (rule.require !== "signed") return { ...rule, match };
    return { ...rule, match, signedAs: (rule.signedAs ?? []).map(normalizePrefix) };
  });
  const twice = rules.find((rule, index) => rules.findIndex((other) => other.match === rule.match) !== index);
  if (twice !== undefined) throw new EngineError("corrupt", `it has two rules for ${twice.match}`);
  return { ...policy, rules };
}

function normalizePrefix(text: string): string {
  const trimmed = text.replace(/\/$/, "");
  const first = trimmed.split("/", 1)[0] ?? "";
  if (!/[.:]/.test(first) && first !== "localhost") {
    throw new EngineError("corrupt", `${JSON.stringify(text.slice(0, 80))} does not begin with a registry's address`);
  }
  if (first === trimmed) {
    const { registry } = parseReference(`${first}/x`);
    return registry;
  }
  const { registry, repository, tag, digest } = parseReference(`${trimmed}/x`);
  if (tag !== null || digest !== null) {
    throw new EngineError("corrupt", `${JSON.stringify(text.slice(0, 80))} has a tag or a digest`);
  }
  return `${registry}/${repository.slice(0, -"/x".length)}`;
}

async function resolveRule(rule: Rule, path: string): Promise<PolicyRule> {
  if (rule.require === "accept") return accept;
  if (rule.require === "reject") return rule;
  const keys = await Promise.all(
    rule.keys.map(async (file) => {
      try {
        return (await readLimited(file, keyFileLimit)).toString("utf8");
      } catch (error) {
        throw broken(path, `its rule for ${rule.match} names a key that cannot be read: ${messageOf(error)}`, error);
      }
    }),
  );
  return { require: "signed", match: rule.match, keys, signedAs: rule.signedAs ?? [] };
}

async function readLimited(path: string, limit: number): Promise<Buffer> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(`${path} is no file`);
  if (found.size > limit) throw new Error(`${path} has ${found.size} bytes, at most ${limit} are read`);
  return readFile(path);
}

function broken(path: string, reason: string, cause: unknown): EngineError {
  return new EngineError("failed-precondition", `trust policy ${path} cannot be followed: ${reason}`, {
    cause,
    hint: "nothing is pulled until it is mended or removed",
  });
}
