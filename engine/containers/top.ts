import { EngineError } from "../errors.ts";
import { tryCommand } from "../host/commands.ts";

export type ProcessTable = { readonly titles: string[]; readonly processes: string[][] };

/**
 * ps(1) of the host, only the rows of `pids`. Arguments default to docker's `-ef`. Fails with `invalid-argument` where ps
 * does not take them or they leave out the PID.
 */
export async function listProcesses(pids: readonly number[], args: readonly string[]): Promise<ProcessTable> {
  const words = args.length === 0 ? ["-ef"] : args;
  // Named by -q, since without -e ps leaves out what has another terminal; some other selections exclude -q.
  const named = await tryCommand("ps", [...words, `-q${pids.join(",")}`]);
  const result = named.exitCode === 0 ? named : await tryCommand("ps", words);
  if (result.exitCode !== 0) {
    const said = result.stderr.trim().split("\n")[0] ?? "";
    throw new EngineError("invalid-argument", `ps ${args.join(" ")}: ${said}`);
  }
  return parseProcessTable(result.stdout, new Set(pids));
}

/** The last column, the command, keeps its blanks. */
export function parseProcessTable(text: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const titles = head.trim().split(/\s+/);
  const pidColumn = titles.indexOf("PID");
  if (pidColumn === -1) throw new EngineError("invalid-argument", "the columns asked of ps must hold the PID");
  const processes = lines.flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (!pids.has(Number(words[pidColumn]))) return [];
    const fixed = words.slice(0, titles.length - 1);
    const rest = line.trim().replace(new RegExp(`^(\\S+\\s+){${fixed.length}}`), "");
    return [words.length < titles.length ? words : [...fixed, rest]];
  });
  return { titles, processes };
}
