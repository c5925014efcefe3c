import * as z from "zod/mini";

/** Fields of a body as Go reads them: one that is missing or null has its type's zero value. */
export const text = orZero(z.string(), "");
export const flag = orZero(z.boolean(), false);
export const texts = orZero(z.array(z.string()), []);
export const textMap = orZero(z.record(z.string(), orZero(z.string(), "")), {});

function orZero<T extends z.ZodMiniType>(schema: T, zero: z.output<T>) {
  return z.pipe(
    z.nullish(schema),
    z.transform((value): z.output<T> => value ?? zero),
  );
}
