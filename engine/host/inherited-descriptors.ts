import { closeSync, readdirSync, readFileSync } from "node:fs";

const closeOnExec = 0o2000000;

/**
 * Closes what whoever started this process had open and did not mean for it: a lock or a pipe of a script would live on in the engine and
 * in every conmon. Node opens all of its own close-on-exec, so what lacks that flag was inherited. Standard streams and `kept` stay.
 */
export function closeInheritedDescriptors(kept: readonly number[] = []): void {
  for (const descriptor of readdirSync("/proc/self/fd").map(Number)) {
    if (descriptor <= 2 || kept.includes(descriptor)) continue;
    try {
      // proc_pid_fdinfo(5): the flags are octal.
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(descriptor);
    } catch {
      // The descriptor by which the list was read.
    }
  }
}
