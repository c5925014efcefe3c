import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import * as z from "zod/mini";
import { findInterpreter } from "../lib/elf.ts";
import { readHeadInRoot } from "./spec/open-in-root.ts";

const config = z.object({
  root: z.object({ path: z.string() }),
  process: z.object({ args: z.array(z.string()), cwd: z.string(), env: z.optional(z.array(z.string())) }),
});

/** ELF headers and a script's first line stand there. */
const headSize = 4096;

/**
 * The kernel says "no such file" of a program that is there, where what has to start it is not: a script's interpreter, or the loader of
 * a program made for another C library. Gives a sentence about that, or null where the program itself is missing. Reads the bundle's
 * config.json and files of the container, links inside it only.
 */
export function explainMissing(bundle: string): string | null {
  try {
    const { root, process } = config.parse(JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")));
    const rootfs = posix.resolve(bundle, root.path);
    const [command = ""] = process.args;
    const head = headOf(rootfs, command, process);
    const interpreter = head === null ? null : interpreterIn(head);
    if (interpreter === null || readHeadInRoot(rootfs, interpreter, 1) !== null) return null;
    return `${command} needs ${interpreter}, which is not in the container`;
  } catch {
    return null;
  }
}

function headOf(rootfs: string, command: string, process: { cwd: string; env?: string[] | undefined }): Buffer | null {
  if (command.includes("/")) return readHeadInRoot(rootfs, posix.resolve(process.cwd, command), headSize);
  const path = process.env?.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  for (const directory of path.split(":").filter((entry) => entry.startsWith("/"))) {
    const head = readHeadInRoot(rootfs, posix.join(directory, command), headSize);
    if (head !== null) return head;
  }
  return null;
}

/** `#!/usr/bin/env python3` names the program env, whose failure comes later. */
export function interpreterIn(head: Buffer): string | null {
  const script = /^#![ \t]*(\/[^\s]+)/.exec(head.toString("latin1", 0, 256))?.[1];
  return script ?? findInterpreter(head);
}
