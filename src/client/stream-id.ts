/**
 * A new id for a byte stream. Not by `import … from "node:crypto"`: that makes the module's every export, web crypto among them, which
 * takes five milliseconds.
 */
export function newStreamID(): string {
  return process.getBuiltinModule("node:crypto").randomUUID();
}
