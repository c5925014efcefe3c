import * as z from "zod/mini";
import { text, textMap, texts } from "./go-json.ts";

const words = z.nullish(
  z.union([
    texts,
    z.pipe(
      z.string(),
      z.transform((word) => [word]),
    ),
  ]),
);
const set = z.nullish(z.record(z.string(), z.unknown()));
const amount = z.nullish(z.int().check(z.nonnegative()));

/** What a commit can change of docker's ContainerConfig; the rest of it says nothing of an image. */
export const commitBody = z.nullable(
  z.object({
    User: text,
    Env: texts,
    Cmd: words,
    Entrypoint: words,
    WorkingDir: text,
    ExposedPorts: set,
    Volumes: set,
    Labels: textMap,
    StopSignal: text,
    OnBuild: texts,
    Shell: texts,
    Healthcheck: z.nullish(
      z.object({
        Test: texts,
        Interval: amount,
        Timeout: amount,
        Retries: amount,
        StartPeriod: amount,
        StartInterval: amount,
      }),
    ),
  }),
);
