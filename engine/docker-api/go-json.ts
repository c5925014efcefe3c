import * as z from "zod/mini";

/** Fields of a body as Go reads them: one that is missing or null has its type's zero value. */
export const text = orZero(z.string(), "");
export const flag = orZero(z.boolean(), false);
export const texts = orZero(z.array(z.string()), []);
export const textMap = orZero(z.record(z.string(), orZero(z.string(), "")), {});
export const whole = orZero(z.int(), 0);
/** moby's StrSlice: a text alone is a list of one. Null where nothing is said. */
export const words = z.pipe(
  z.nullish(z.union([z.string(), z.array(z.string())])),
  z.transform((value) => (typeof value === "string" ? [value] : (value ?? null))),
);

export function list<T extends z.ZodMiniType>(item: T) {
  return orZero(z.array(item), []);
}

function orZero<T extends z.ZodMiniType>(schema: T, zero: z.output<T>) {
  return z.pipe(
    z.nullish(schema),
    z.transform((value): z.output<T> => value ?? zero),
  );
}
