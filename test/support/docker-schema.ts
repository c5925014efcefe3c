import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import { parse } from "yaml";

/** Moby's own description of the API, v1.41, as fetch-docker-api.sh brings it. */
const file = fileURLToPath(new URL("../fetched/docker-api.yaml", import.meta.url));

type Schema = { [key: string]: unknown };
type Operation = { readonly parameters?: readonly Schema[]; readonly responses: Record<string, { schema?: Schema }> };
type Description = {
  readonly definitions: Record<string, Schema>;
  readonly paths: Record<string, Record<string, Operation>>;
};

/** A quoted text goes on in a second line that is not indented as YAML asks for. */
const brokenText = /(description: "[^"\n]*)\n +([^"\n]*"\n)/g;

let loaded: { readonly api: Description; readonly ajv: Ajv } | null = null;
const compiled = new Map<string, ValidateFunction>();

/**
 * Fails where a body is not what moby's description says an endpoint answers: types, formats of numbers, and letters of names. Names that
 * came with later versions pass (to see those that went, ask as v1.41); null passes for lists and maps, as Go writes those that are nil.
 * `path` as there: `/containers/{id}/json`.
 */
export function checkAnswer(endpoint: { method: string; path: string; status?: number }, body: unknown): void {
  const { method, path, status = 200 } = endpoint;
  const operation = description().api.paths[path]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`no ${method} ${path} in the description`);
  const schema = operation.responses[status]?.schema;
  if (schema === undefined) throw new Error(`${method} ${path} has no body with status ${status} in the description`);
  check(`${method} ${path} ${status}`, schema, body);
}

/** The same for one of the definitions: `ContainerSummary`, `Network`. */
export function checkDefinition(name: string, value: unknown): void {
  const schema = description().api.definitions[name];
  if (schema === undefined) throw new Error(`no ${name} in the description`);
  check(name, schema, value);
}

/** What an endpoint takes as its body, `#/definitions/…` in it resolved by Ajv only. Null: none. */
export function bodySchemaOf(method: string, path: string): Schema | null {
  const parameters = description().api.paths[path]?.[method.toLowerCase()]?.parameters ?? [];
  return (parameters.find((parameter) => parameter.in === "body")?.schema as Schema | undefined) ?? null;
}

/** Definitions and paths as they are in the file. */
export function dockerAPI(): Description {
  return description().api;
}

function check(name: string, schema: Schema, value: unknown): void {
  const { ajv } = description();
  const validate = compiled.get(name) ?? ajv.compile(adapt(schema));
  compiled.set(name, validate);
  if (validate(value)) return;
  const lines = (validate.errors ?? []).map((error) => `  ${error.instancePath || "body"} ${error.message}`);
  throw new Error(`${name} does not fit moby's description:\n${[...new Set(lines)].join("\n")}`);
}

function description() {
  if (loaded !== null) return loaded;
  const api = parse(readFileSync(file, "utf8").replace(brokenText, "$1 $2")) as Description;
  mendContainerSummary(api);
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  ajv.addKeyword({ keyword: "spelling", type: "object", validate: checkSpelling });
  ajv.addSchema({ $id: "docker", definitions: adaptAll(api.definitions) });
  loaded = { api, ajv };
  return loaded;
}

/** A list in itself, of which /system/df makes a list once more. */
function mendContainerSummary({ definitions, paths }: Description): void {
  const items = definitions.ContainerSummary?.items;
  const answer = paths["/containers/json"]?.get?.responses[200];
  if (items === undefined || answer?.schema === undefined) return;
  definitions.ContainerSummary = items as Schema;
  answer.schema = { type: "array", items: answer.schema };
}

function adaptAll(schemas: Record<string, Schema>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, adapt(schema)]));
}

/** Of Swagger 2 to JSON Schema. */
function adapt(value: unknown): Schema {
  if (Array.isArray(value)) return value.map(adapt) as unknown as Schema;
  if (typeof value !== "object" || value === null) return value as unknown as Schema;
  const { example: _example, default: _default, ...schema } = value as Schema;
  if (typeof schema.$ref === "string") return { $ref: `docker${schema.$ref}` };
  const adapted: Schema = Object.fromEntries(
    Object.entries(schema).map(([key, inner]) => {
      if (key === "properties") return [key, adaptAll(inner as Record<string, Schema>)];
      return [key, adapt(inner)];
    }),
  );
  if (adapted.properties !== undefined) adapted.spelling = Object.keys(adapted.properties as Schema);
  // Go writes what is not set as an empty text.
  if (Array.isArray(adapted.enum)) adapted.enum = [...new Set([...adapted.enum, "", null])];
  const { type } = adapted;
  const isNullable = adapted["x-nullable"] === true || type === "array" || type === "object";
  if (typeof type === "string" && isNullable) adapted.type = [type, "null"];
  return adapted;
}

/** Names that differ from a known one by capital letters only are mistakes. */
function checkSpelling(names: readonly string[], value: Record<string, unknown>): boolean {
  const known = new Map(names.map((name) => [name.toLowerCase(), name]));
  const wrong = Object.keys(value).filter(
    (key) => (known.get(key.toLowerCase()) ?? key) !== key && !names.includes(key),
  );
  (checkSpelling as { errors?: unknown[] }).errors = wrong.map((key) => ({
    keyword: "spelling",
    message: `has "${key}", which is written "${known.get(key.toLowerCase())}"`,
    params: {},
  }));
  return wrong.length === 0;
}
