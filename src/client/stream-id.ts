/**
 * A new id for a byte stream. Not by `import … from "node:crypto"`: that makes the module's every export, web crypto among them, which
 * takes five milliseconds.
 */
export function newStreamID(): string {
  // From fresh random bytes: those that Node keeps in stock would be in a snapshot, the same in every process.
  return process.getBuiltinModule("node:crypto").randomUUID({ disableEntropyCache: true });
}
