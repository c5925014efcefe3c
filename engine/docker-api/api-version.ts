import { EngineError } from "../errors.ts";

/** Minor numbers of v1. */
export const newestVersion = 50;
export const oldestVersion = 24;
export const apiVersion = `1.${newestVersion}`;
export const minAPIVersion = `1.${oldestVersion}`;

/** Minor number of a path's `v1.NN`; without one the newest is meant. Fails in docker's words. */
export function parseVersion(text: string | undefined): number {
  if (text === undefined) return newestVersion;
  const [major = 0, minor = 0] = text.split(".").map(Number);
  if (major > 1 || (major === 1 && minor > newestVersion)) {
    throw refuse(`client version ${text} is too new. Maximum supported API version is ${apiVersion}`);
  }
  if (major < 1 || minor < oldestVersion) {
    throw refuse(
      `client version ${text} is too old. Minimum supported API version is ${minAPIVersion}, please upgrade your client to a newer version`,
    );
  }
  return minor;
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
