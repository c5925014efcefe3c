import { writeSync } from "node:fs";
import { Writable } from "node:stream";
import { setFlagsFromString, startupSnapshot } from "node:v8";
import { loadSchemas } from "../client/lazy-schemas.ts";
import { runCommandLine } from "./command-line.ts";
import { splitGlobalFlags } from "./global-flags.ts";
import { hotVerbs } from "./hot-verbs.ts";

/**
 * The command line as a start-up snapshot of V8: its modules are loaded, and what a command runs through is compiled, which halves
 * the time a short command takes beside Node's own start. bin/build.mjs runs this file under `node --build-snapshot`, and plays the
 * engine for the commands in GANTRY_REHEARSAL, an array of argument lists; descriptor 1 gets a byte when all are done, and the engine
 * then hangs up, since no socket may be open in a snapshot.
 * What they leave in memory comes to life again in every process: nothing of theirs may be kept that differs from one to the next.
 */
async function prepare(): Promise<void> {
  await loadSchemas();
  const rehearsals = JSON.parse(process.env.GANTRY_REHEARSAL ?? "[]") as string[][];
  for (const args of rehearsals) await rehearse(args);
  writeSync(1, "\n");
  startupSnapshot.setDeserializeMainFunction(main);
}

function main(): void {
  const args = process.argv.slice(2);
  if (isHot(args)) void runCommandLine(args).then((code) => process.exit(code));
  else runWhole();
}

function isHot(args: readonly string[]): boolean {
  try {
    const { flags, rest } = splitGlobalFlags(args);
    return !flags.help && hotVerbs.has(rest[0] ?? "");
  } catch {
    return false;
  }
}

/** The program with all verbs, which is what we were started as. */
function runWhole(): void {
  // As bin/gantry starts it where there is no snapshot.
  setFlagsFromString("--sparkplug");
  const program = process.argv[1] ?? "";
  process.getBuiltinModule("node:module").createRequire(program)(program);
}

async function rehearse(args: readonly string[]): Promise<void> {
  const said: string[] = [];
  const outputs = (["stdout", "stderr"] as const).map((name) => {
    const before = Object.getOwnPropertyDescriptor(process, name) ?? {};
    const value = new Writable({
      write: (chunk, _encoding, done) => {
        said.push(String(chunk));
        done();
      },
    });
    Object.defineProperty(process, name, { value, configurable: true });
    return { name, before };
  });
  const code = await runCommandLine(args);
  for (const { name, before } of outputs) Object.defineProperty(process, name, before);
  if (code !== 0) throw new Error(`rehearsal of ${args.join(" ")}: exit code ${code}: ${said.join("")}`);
}

void prepare();
