import fc from "fast-check";
import { dockerAPI } from "./docker-schema.ts";

export type FuzzRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

type Schema = { readonly [key: string]: unknown };
type Arbitrary = fc.Arbitrary<unknown>;

/** Texts that mean something somewhere. */
const words = [
  ..."fuzz fuzz-stopped gantry/busybox bridge host none default json-file local always on-failure:3 true false".split(
    " ",
  ),
  ..."0 -1 1 80/tcp 127.0.0.1 10.99.0.0/24 KILL SIGTERM next-exit removed running healthy ctrl-p,ctrl-q ps:aux".split(
    " ",
  ),
  ..."/ . .. ../../etc/passwd /tmp/../.. /proc/self/fd %2e%2e%2f a/b/c a:b:c a=b = : @ sha256: latest".split(" "),
  '{"label":["a=b"]}',
  '{"status":{"running":true}}',
  '{"name":["("]}',
  '{"until":["x"]}',
  "{",
  "[]",
  "\u0000",
  "\u202eevil",
  "x".repeat(5000),
];
/** Not on hosts where this would do harm: no directories of the host, no rights over it. */
const harmful = new Set([
  "Binds",
  "Mounts",
  "Devices",
  "Privileged",
  "CgroupParent",
  "PidMode",
  "DeviceRequests",
  "CapAdd",
]);

const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...words) },
  fc.string({ unit: "grapheme", maxLength: 20 }),
);
const whole = fc.oneof(fc.integer({ min: -2, max: 70_000 }), fc.constantFrom(2 ** 31, 2 ** 53, -(2 ** 63), 1e300));
const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text, whole, fc.constant(null));

/** Values of a schema, a part of them wrong; a few levels deep only. */
function anyOf(schema: Schema, depth: number): Arbitrary {
  if (depth > 5) return fc.constant(null);
  return fc.oneof({ weight: 15, arbitrary: rightOf(schema, depth) }, { weight: 1, arbitrary: junk });
}

function rightOf(schema: Schema, depth: number): Arbitrary {
  if (typeof schema.$ref === "string") return anyOf(definitionOf(schema.$ref), depth);
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.map((part: Schema) => rightOf(part, depth));
    return fc.tuple(...parts).map((values) => Object.assign({}, ...values));
  }
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "array":
      return fc.array(anyOf((schema.items ?? {}) as Schema, depth + 1), { maxLength: 3 });
    case "integer":
    case "number":
      return whole;
    case "boolean":
      return fc.boolean();
    case "string":
      return text;
    default:
      return objectOf(schema, depth);
  }
}

function objectOf({ properties, additionalProperties }: Schema, depth: number): Arbitrary {
  const known = Object.entries((properties ?? {}) as Record<string, Schema>).filter(([name]) => !harmful.has(name));
  // Mostly a few fields at a time: one that is wrong hides the others.
  const few = fc
    .subarray(known, { maxLength: Math.min(6, known.length) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen.map(([name, inner]) => [name, anyOf(inner, depth + 1)]))));
  if (typeof additionalProperties !== "object" || additionalProperties === null) return few;
  return fc.dictionary(text.map(String), anyOf(additionalProperties as Schema, depth + 1), { maxKeys: 3 });
}

function definitionOf(reference: string): Schema {
  return dockerAPI().definitions[reference.replace("#/definitions/", "")] ?? {};
}

/** Requests to the endpoints of moby's description that `isWanted`: parameters and bodies of their types, and others. */
export function anyRequest(isWanted: (method: string, path: string) => boolean): fc.Arbitrary<FuzzRequest> {
  const all = Object.entries(dockerAPI().paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => isWanted(method.toUpperCase(), path))
      .map(([method, { parameters = [] }]) => ({
        // Most of what can be said is said there.
        weight: path === "/containers/create" ? 15 : 1,
        arbitrary: requestTo(method.toUpperCase(), path, parameters),
      })),
  );
  return fc.oneof(...all);
}

function requestTo(method: string, path: string, parameters: readonly Schema[]): fc.Arbitrary<FuzzRequest> {
  const of = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const segment = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("fuzz", "fuzz-stopped", "gantry%2Fbusybox", "bridge") },
    text.map(encode),
  );
  const [body] = of("body");
  return fc
    .record({
      version: fc.constantFrom("", "/v1.24", "/v1.38", "/v1.41", "/v1.50"),
      segment,
      query: fc.record(
        Object.fromEntries(of("query").map((parameter) => [String(parameter.name), parameterOf(parameter)])),
        {
          requiredKeys: [],
        },
      ),
      type: fc.oneof({ weight: 9, arbitrary: fc.constant("application/json") }, fc.constantFrom("text/plain", "")),
      body: body === undefined ? fc.constant(undefined) : anyOf((body.schema ?? {}) as Schema, 0),
      cut: fc.oneof({ weight: 9, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }, fc.nat(200)),
    })
    .map(({ version, segment, query, type, body, cut }) => {
      const parameters = Object.entries(query).map(([name, value]) => `${name}=${encode(String(value))}`);
      return {
        method,
        path: `${version}${path.replace(/\{\w+\}/, segment)}?${parameters.join("&")}`,
        headers: body === undefined || type === "" ? {} : { "Content-Type": type },
        body: body === undefined ? "" : (JSON.stringify(withImage(path, body)) ?? "").slice(0, cut),
      };
    });
}

/** Without one that is there nothing else of a container is looked at. */
function withImage(path: string, body: unknown): unknown {
  const isContainer =
    path === "/containers/create" && typeof body === "object" && body !== null && !Array.isArray(body);
  return isContainer ? { Cmd: ["true"], ...body, Image: "gantry/busybox" } : body;
}

/** Nobody waits long for a stop. */
function parameterOf({ name, type }: Schema): Arbitrary {
  if (name === "t") return fc.constantFrom(0, "0", "x", "");
  return type === "integer" || type === "boolean" ? fc.oneof(whole, fc.boolean(), text) : text;
}

/** Also what is no whole character. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll("%2E", ".") || "%20";
}
