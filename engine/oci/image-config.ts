import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { type DiffID, isDiffID } from "./digest.ts";
import { parseDocument } from "./parse.ts";

/** Go writes an empty slice or map as null, or leaves it out. */
const absent = <T extends z.core.$ZodType>(schema: T) => z.optional(z.nullable(schema));
const strings = z.array(z.string());
/** Very old images hold a plain string where a list belongs. */
const words = z.union([
  strings,
  z.pipe(
    z.string(),
    z.transform((word) => [word]),
  ),
]);
/** Go's `map[string]struct{}`. */
const set = z.record(z.string(), z.unknown());

/** Docker and OCI agree on these fields; what else is there (Healthcheck, OnBuild, Shell) is kept as it came. */
const runConfigSchema = z.looseObject({
  User: absent(z.string()),
  Env: absent(strings),
  Entrypoint: absent(words),
  Cmd: absent(words),
  WorkingDir: absent(z.string()),
  ExposedPorts: absent(set),
  Volumes: absent(set),
  Labels: absent(z.record(z.string(), z.string())),
  StopSignal: absent(z.string()),
});

const historySchema = z.looseObject({
  created: absent(z.string()),
  created_by: absent(z.string()),
  comment: absent(z.string()),
  author: absent(z.string()),
  empty_layer: absent(z.boolean()),
});
export type HistoryDocument = z.infer<typeof historySchema>;

const imageConfigSchema = z.looseObject({
  architecture: absent(z.string()),
  os: absent(z.string()),
  variant: absent(z.string()),
  created: absent(z.string()),
  author: absent(z.string()),
  config: absent(runConfigSchema),
  rootfs: z.object({
    type: z.literal("layers"),
    diff_ids: absent(z.array(z.custom<DiffID>(isDiffID, "not a sha256 digest")).check(z.maxLength(500))),
  }),
  history: absent(z.array(historySchema).check(z.maxLength(10_000))),
});
/** OCI image-spec, config.md. Unknown fields are kept. */
export type ImageConfig = z.infer<typeof imageConfigSchema>;

/** Reads an image config. Fails with `corrupt`, `unimplemented` for an image of another operating system. */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const imageConfig = parseDocument(imageConfigSchema, decodeJson(bytes, what), what);
  const os = osOf(imageConfig);
  if (os !== "linux") {
    throw new EngineError("unimplemented", `${what} is for ${os.slice(0, 40)}, this engine runs linux images`);
  }
  return imageConfig;
}

export function diffIDsOf(imageConfig: ImageConfig): readonly DiffID[] {
  return imageConfig.rootfs.diff_ids ?? [];
}

export function osOf(imageConfig: ImageConfig): string {
  return imageConfig.os || "linux";
}

/** docker's HEALTHCHECK as images hold it. Times in nanoseconds; 0 and empty: docker's defaults. */
export type ImageHealthcheck = {
  readonly test: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
  readonly startInterval: number;
};

const amount = absent(z.number().check(z.int(), z.nonnegative()));
const healthcheckSchema = z.looseObject({
  Test: absent(strings),
  Interval: amount,
  Timeout: amount,
  Retries: amount,
  StartPeriod: amount,
  StartInterval: amount,
});

/** Null where there is none, or none that makes sense: an image from elsewhere is to run all the same. */
export function healthcheckOf(imageConfig: ImageConfig | null): ImageHealthcheck | null {
  const parsed = healthcheckSchema.safeParse(imageConfig?.config?.Healthcheck);
  if (!parsed.success || (parsed.data.Test ?? []).length === 0) return null;
  const { Test, Interval, Timeout, Retries, StartPeriod, StartInterval } = parsed.data;
  return {
    test: Test ?? [],
    interval: Interval ?? 0,
    timeout: Timeout ?? 0,
    retries: Retries ?? 0,
    startPeriod: StartPeriod ?? 0,
    startInterval: StartInterval ?? 0,
  };
}

/** What runs the shell form of commands: the image's SHELL, or docker's. */
export function shellOf(imageConfig: ImageConfig | null): readonly string[] {
  const parsed = strings.safeParse(imageConfig?.config?.Shell);
  return parsed.success && parsed.data.length > 0 ? parsed.data : ["/bin/sh", "-c"];
}

/** RFC 3339 time, or the epoch where the image gives none or nonsense. */
export function createdOf(imageConfig: ImageConfig): string {
  return timeOf(imageConfig.created);
}

export function timeOf(text: string | null | undefined): string {
  const isTime =
    typeof text === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  return isTime && !Number.isNaN(Date.parse(text)) ? text : "1970-01-01T00:00:00Z";
}

/** A step of the image's history with the layer it made, null where it made none. */
export type HistoryStep = { readonly step: HistoryDocument; readonly layer: number | null };

/**
 * The history, oldest first, each step with its layer's position. Histories from outside need not fit the layers: layers without a
 * step get an empty one, steps without a layer stay as such.
 */
export function historyOf(imageConfig: ImageConfig): HistoryStep[] {
  const count = diffIDsOf(imageConfig).length;
  let next = 0;
  const steps = (imageConfig.history ?? []).map((step): HistoryStep => {
    const hasLayer = step.empty_layer !== true && next < count;
    return { step, layer: hasLayer ? next++ : null };
  });
  for (; next < count; next++) steps.push({ step: { created: imageConfig.created }, layer: next });
  return steps;
}
