import type * as z from "zod/mini";

/**
 * Looks at a value that JSON.parse gave, and says true only where its schema's parse would give back the same; absent fields that the
 * schema has defaults for are put in. False says nothing: the schema itself has to judge, and to say what is wrong.
 */
export type QuickCheck = (value: unknown) => boolean;

type Schema = z.core.$ZodType;
type Field = { readonly key: string; readonly check: QuickCheck; readonly whenAbsent: "refuse" | "leave" | Fill };
type Fill = () => unknown;
type Def = z.core.$ZodTypes["_zod"]["def"];

const checks = new WeakMap<Schema, QuickCheck>();

/**
 * A schema as functions that only look. Zod makes each object anew, field by field: of a list of 500 containers that took 17 ms in a
 * command that has just started, and 4 ms in a program that has done it often.
 */
export function quickCheckOf(schema: Schema): QuickCheck {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  const check = compile((schema as z.core.$ZodTypes)._zod.def, schema);
  checks.set(schema, check);
  return check;
}

/** The same as schema.parse, of a value fresh from JSON.parse that nobody else has: where it can be, it is given back itself. */
export function parseQuickly(schema: z.ZodMiniType, value: unknown): unknown {
  return quickCheckOf(schema)(value) ? value : schema.parse(value);
}

function compile(def: Def, schema: Schema): QuickCheck {
  if ((def.checks ?? []).length > 0) return isWhole(def) ? Number.isSafeInteger : judgedBy(schema);
  switch (def.type) {
    case "string":
    case "number":
    case "boolean":
      return "coerce" in def || "format" in def ? judgedBy(schema) : primitives[def.type];
    case "unknown":
      return () => true;
    case "literal":
    case "enum":
      return oneOf(schema._zod.values ?? new Set());
    default:
      return compileAround(def);
  }
}

/** Those that are made of others. */
function compileAround(def: Def): QuickCheck {
  switch (def.type) {
    case "nullable":
      return nullable(quickCheckOf(def.innerType));
    case "optional":
    case "default":
      return quickCheckOf(def.innerType);
    case "array":
      return arrayOf(quickCheckOf(def.element));
    case "record":
      return isPlainString(def.keyType) && def.mode === undefined ? recordOf(quickCheckOf(def.valueType)) : unknowable;
    case "object":
      return def.catchall === undefined ? objectOf(Object.entries(def.shape).map(fieldOf)) : unknowable;
    case "union":
      // Of one that is told by a field, only one can fit; of any other, an earlier one may, for which the schema has to be asked.
      return "discriminator" in def ? anyOf(def.options.map(quickCheckOf)) : unknowable;
    default:
      return unknowable;
  }
}

const primitives = {
  string: (value: unknown) => typeof value === "string",
  number: (value: unknown) => typeof value === "number" && Number.isFinite(value),
  boolean: (value: unknown) => typeof value === "boolean",
};

function unknowable(): boolean {
  return false;
}

/** Rules of their own, of a text or a number. */
function judgedBy(schema: Schema): QuickCheck {
  return (value) => {
    const result = schema._zod.run({ value, issues: [] }, {});
    return !(result instanceof Promise) && result.issues.length === 0 && result.value === value;
  };
}

/** z.number().check(z.int()), and nothing else. */
function isWhole(def: Def): boolean {
  const [only, another] = def.checks ?? [];
  if (def.type !== "number" || "coerce" in def || "format" in def || only === undefined || another !== undefined)
    return false;
  const { check, format } = only._zod.def as { readonly check: string; readonly format?: string };
  return check === "number_format" && format === "safeint";
}

function isPlainString(schema: Schema): boolean {
  return quickCheckOf(schema) === primitives.string;
}

function oneOf(values: ReadonlySet<unknown>): QuickCheck {
  return (value) => values.has(value);
}

function nullable(check: QuickCheck): QuickCheck {
  return (value) => value === null || check(value);
}

function arrayOf(check: QuickCheck): QuickCheck {
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (let index = 0; index < value.length; index++) if (!check(value[index])) return false;
    return true;
  };
}

function anyOf(options: readonly QuickCheck[]): QuickCheck {
  return (value) => options.some((check) => check(value));
}

function recordOf(check: QuickCheck): QuickCheck {
  return (value) => {
    if (!isObject(value)) return false;
    for (const key of Object.keys(value)) if (key === "__proto__" || !check(value[key])) return false;
    return true;
  };
}

function fieldOf([key, schema]: [string, Schema]): Field {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const check = quickCheckOf(schema);
  // As with zod, each gets a default of its own: asked for, it is a copy.
  if (def.type === "default") return { key, check, whenAbsent: () => def.defaultValue };
  return { key, check, whenAbsent: def.type === "optional" && schema._zod.optin === "optional" ? "leave" : "refuse" };
}

/** A field that the schema does not know would be taken out by its parse. */
function objectOf(fields: readonly Field[]): QuickCheck {
  return (value) => {
    if (!isObject(value)) return false;
    let unknown = Object.keys(value).length;
    for (const field of fields) {
      const content = value[field.key];
      if (content === undefined) {
        if (!bearsAbsence(value, field)) return false;
      } else if (field.check(content)) unknown--;
      else return false;
    }
    return unknown === 0;
  };
}

function bearsAbsence(value: Record<string, unknown>, { key, whenAbsent }: Field): boolean {
  if (typeof whenAbsent === "function") value[key] = whenAbsent();
  return whenAbsent !== "refuse";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
