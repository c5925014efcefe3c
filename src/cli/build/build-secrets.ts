import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../../../engine/errors.ts";
import type { BuildRequest } from "../../../engine/protocol/builds.ts";
import type { Surroundings } from "../create-request.ts";
import { checkKeys, parseFields, wrong } from "./build-fields.ts";

/** Bytes, BuildKit's limit. */
const longestSecret = 500 * 1024;

/** `--secret id=…[,src=…|,env=…]`: where neither is said, the variable of this name, or the file. Read here and now. */
export function parseSecret(text: string, here: Surroundings): BuildRequest["secrets"][number] {
  const fields = parseFields(text);
  checkKeys(text, fields, ["type", "id", "source", "src", "env"]);
  const type = fields.get("type") ?? "";
  if (type !== "" && type !== "file" && type !== "env") throw wrong(`unsupported secret type "${type}"`);
  const id = fields.get("id") ?? "";
  if (id === "") throw wrong("secret missing ID");
  const source = fields.get("source") ?? fields.get("src") ?? "";
  const variable = fields.get("env") ?? (type === "env" ? source || id : "");
  if (variable !== "") return secretOf(id, Buffer.from(here.environment[variable] ?? ""));
  const isVariable = source === "" && type === "" && here.environment[id] !== undefined;
  if (isVariable) return secretOf(id, Buffer.from(here.environment[id] ?? ""));
  return secretOf(id, readSecret(id, resolve(here.directory, source || id)));
}

function secretOf(id: string, content: Buffer): BuildRequest["secrets"][number] {
  return { id, value: content.toString("base64") };
}

function readSecret(id: string, path: string): Buffer {
  try {
    if (statSync(path).size > longestSecret) throw new Error("it is larger than 500 KiB");
    return readFileSync(path);
  } catch (cause) {
    throw wrong(`secret ${id}: ${messageOf(cause)}`);
  }
}

/** `--ssh default|ID[=SOCKET]`: without a path that of the environment's agent. */
export function parseAgent(text: string, here: Surroundings): BuildRequest["ssh"][number] {
  const equals = text.indexOf("=");
  const id = (equals === -1 ? text : text.slice(0, equals)) || "default";
  const given = equals === -1 ? "" : text.slice(equals + 1);
  const path = given || (here.environment.SSH_AUTH_SOCK ?? "");
  if (path === "") throw wrong("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
  const absolute = resolve(here.directory, path);
  const found = statSync(absolute, { throwIfNoEntry: false });
  if (found?.isSocket()) return { id, path: absolute };
  if (found === undefined) throw wrong(`--ssh ${id}: ${path}: no such file or directory`);
  throw wrong(`--ssh ${id}: ${path} is no socket of an agent: add the key to one with ssh-add`);
}
