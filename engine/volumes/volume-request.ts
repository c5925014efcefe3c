import { EngineError } from "../errors.ts";
import { checkDriverOptions } from "./driver-options.ts";
import type { VolumeRecord } from "./volume-record.ts";

/** The name is a directory's: longer ones are none on any file system. */
const longestName = 255;
/** docker's, by which prune tells them. */
export const anonymousLabel = "com.docker.volume.anonymous";

export type VolumeWish = Pick<VolumeRecord, "name" | "driver" | "options" | "labels">;

/** Fails with `invalid-argument`. */
export function checkVolumeName(name: string): void {
  if (name.length <= longestName && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new EngineError("invalid-argument", `volume name ${JSON.stringify(name.slice(0, 80))} is not valid`, {
    hint: "use 2 to 255 letters, digits, dots, dashes and underscores, the first a letter or a digit; a host path begins with /",
    exitCode: 125,
  });
}

/** What a volume is asked to be. Fails with `invalid-argument`. */
export function checkVolumeWish(wish: VolumeWish): void {
  checkVolumeName(wish.name);
  if (wish.driver !== "" && wish.driver !== "local") {
    throw new EngineError(
      "invalid-argument",
      `volume ${wish.name}: there is no driver ${JSON.stringify(wish.driver.slice(0, 80))}`,
      {
        hint: "use the driver local, with --opt type=, o= and device= for what is mounted",
        exitCode: 125,
      },
    );
  }
  checkDriverOptions(wish.name, wish.options);
  for (const [key, value] of Object.entries(wish.labels)) {
    if (key === "" || /\0/.test(key + value)) {
      throw new EngineError(
        "invalid-argument",
        `volume ${wish.name}: label ${JSON.stringify(key.slice(0, 80))} is not valid`,
      );
    }
  }
}

/** The one that is there does for a wish without options, whatever it is, as docker has it. Fails with `already-exists`. */
export function checkAgrees(record: VolumeRecord, wish: VolumeWish): void {
  if (Object.keys(wish.options).length === 0 || isSame(record.options, wish.options)) return;
  throw new EngineError("already-exists", `volume ${record.name} exists with other options`, {
    hint: `it has ${formatOptions(record.options)}; remove it with: gantry volume rm ${record.name}; or choose another name`,
    exitCode: 125,
  });
}

export function recordOf(wish: VolumeWish, anonymous: boolean): VolumeRecord {
  return {
    name: wish.name,
    driver: "local",
    createdAt: new Date().toISOString(),
    anonymous,
    status: "making",
    options: { ...wish.options },
    labels: anonymous ? { ...wish.labels, [anonymousLabel]: "" } : { ...wish.labels },
  };
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const text = (options: Readonly<Record<string, string>>) => JSON.stringify(Object.entries(options).sort());
  return text(one) === text(other);
}

function formatOptions(options: Readonly<Record<string, string>>): string {
  const texts = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  return texts.length === 0 ? "none" : texts.join(" ").slice(0, 200);
}
