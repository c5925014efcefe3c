import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The protocol of docker's own helpers in a shell script: a file a server under `kept/`, found by its base64 name. */
const script = `#!/bin/sh
kept=$(dirname "$0")/kept
echo "$# $1 uid=$(id -u) HOME=$HOME" >>"$(dirname "$0")/calls"
name() { printf %s "$1" | base64 -w0 | tr / _; }
case $1 in
store)
  input=$(cat)
  server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
  printf %s "$input" >"$kept/$(name "$server")" ;;
get)
  file=$kept/$(name "$(cat)")
  [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
  cat "$file" ;;
erase)
  file=$kept/$(name "$(cat)")
  [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
  rm "$file" ;;
*) exit 2 ;;
esac
`;

/** Puts `docker-credential-<name>` into a directory for PATH; it keeps its secrets there. `body` in place of a working one. */
export async function installHelper(directory: string, name: string, body = script): Promise<void> {
  await mkdir(join(directory, "kept"), { recursive: true });
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, body);
  await chmod(path, 0o755);
}
