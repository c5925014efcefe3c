import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { runDocker } from "./docker-client.ts";
import { starterImage, type TestEngine } from "./engine.ts";
import type { TempRoot } from "./temp-root.ts";

/** Under this name Testcontainers starts the container that removes what a dead test suite left. */
const reaperName = "testcontainers/ryuk:0.14.0";

const listen = `#!/bin/sh
trap 'exit 0' TERM
nc -ll -p 8080 -e /session &
echo "Started"
wait
`;

/** One connection: filters, one a line, each confirmed. When the other side is gone all that they name goes, at last the reaper itself. */
const session = `#!/bin/sh
filters=
while IFS= read -r line; do
  line=$(printf %s "$line" | tr -d '\\r')
  [ -n "$line" ] || continue
  filters="$filters $line"
  echo ACK
done
exec >/proc/1/fd/1 2>&1
for filter in $filters; do
  others=$(docker ps -aq --filter "$filter" | grep -v "^$(hostname)" || true)
  [ -z "$others" ] || docker rm -fv $others
  for kind in network volume; do
    found=$(docker $kind ls -q --filter "$filter")
    [ -z "$found" ] || docker $kind rm $found
  done
done
docker rm -fv "$(hostname)"
`;

/**
 * Makes a reaper image of busybox, the host's docker and a few lines of shell: it speaks the protocol of Testcontainers' own (ryuk), which
 * no registry at hand has.
 */
export async function makeReaperImage(engine: TestEngine, directory: TempRoot): Promise<void> {
  const tree = directory.join("reaper");
  await mkdir(`${tree}/bin`, { recursive: true });
  for (const [name, script] of [
    ["listen", listen],
    ["session", session],
  ] as const) {
    await writeFile(`${tree}/${name}`, script);
    await chmod(`${tree}/${name}`, 0o755);
  }
  const program = execFileSync("sh", ["-c", "command -v docker"], { encoding: "utf8" }).trim();
  const made = await runDocker(engine, "create", starterImage);
  await runDocker(engine, "cp", `${tree}/.`, `${made}:/`);
  await runDocker(engine, "cp", "-L", program, `${made}:/bin/docker`);
  for (const library of librariesOf(program)) await runDocker(engine, "cp", "-L", library, `${made}:${library}`);
  await runDocker(engine, "commit", "--change", 'ENTRYPOINT ["/listen"]', made, reaperName);
  await runDocker(engine, "rm", made);
}

/** None where the program is static, as docker's own builds are. */
function librariesOf(program: string): string[] {
  const said = execFileSync("sh", ["-c", 'ldd "$0" 2>/dev/null || true', program], { encoding: "utf8" });
  return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}
