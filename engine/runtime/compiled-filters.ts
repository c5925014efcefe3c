import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RuntimeSpec } from "./container-runtime.ts";

const annotation = "run.oci.seccomp_bpf_data";
/** Each profile, and each set of capabilities, has one of its own: an odd client must not fill our memory. */
const most = 32;
/** An instruction of the kernel's filter machine (struct sock_filter), and the most that it takes of them (BPF_MAXINSNS). */
const instructionBytes = 8;
const mostInstructions = 4096;

/**
 * Filters of system calls as crun has compiled them. Where it is built without a cache of its own (Debian 12's) it has libseccomp do so for
 * each container, for 9 ms of processor time, half of all that it needs. It leaves the outcome in its record, `seccomp.bpf`, and takes one
 * that is ready as an annotation (crun(1), `run.oci.seccomp_bpf_data`): so the first container of a kind pays, as long as this process lives.
 * The section of the spec stays in it: a crun that knows the annotation no more compiles as before.
 */
export class CompiledFilters {
  /** The data in base64, by the JSON text of `linux.seccomp`. */
  readonly #known = new Map<string, string>();
  /** That text of containers that are being made. */
  readonly #awaited = new Map<string, string>();

  /** The spec with the filter, if that is known; else learn() may follow. */
  addTo(id: string, spec: RuntimeSpec): RuntimeSpec {
    this.#awaited.delete(id);
    const section = (spec.linux as { readonly seccomp?: unknown } | undefined)?.seccomp;
    const annotations = (spec.annotations ?? {}) as Readonly<Record<string, string>>;
    // Whoever has wishes about how crun goes about it gets what he wants.
    if (section === undefined || Object.keys(annotations).some((name) => name.startsWith("run.oci.seccomp")))
      return spec;
    const text = JSON.stringify(section);
    const data = this.#known.get(text);
    if (data !== undefined) return { ...spec, annotations: { ...annotations, [annotation]: data } };
    this.#awaited.set(id, text);
    return spec;
  }

  /** Takes what crun has compiled for a container that it has made; `root`: of its records. Never fails. */
  async learn(id: string, root: string): Promise<void> {
    const text = this.#awaited.get(id);
    if (text === undefined) return;
    this.#awaited.delete(id);
    if (existsSync(join(root, ".cache/seccomp"))) return;
    const data = await readFile(join(root, id, "seccomp.bpf")).catch(() => null);
    const isWhole = data !== null && data.length > 0 && data.length % instructionBytes === 0;
    if (!isWhole || data.length > mostInstructions * instructionBytes) return;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, data.toString("base64"));
  }

  /** It was not made. */
  forget(id: string): void {
    this.#awaited.delete(id);
  }
}
