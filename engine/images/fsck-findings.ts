import { EngineError } from "../errors.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";

export type Found = {
  readonly kind: FsckFinding["kind"];
  readonly object: string;
  readonly problem: string;
  /** What `act` does, in the past: it is said before it is done as well. Empty: only a person can help. */
  readonly repair?: string;
  readonly hint?: string;
  readonly act?: () => Promise<void> | void;
};

/** Collects what was found and, where that is wanted, repairs it at once. */
export class Findings {
  readonly list: FsckFinding[] = [];
  readonly #isRepairing: boolean;

  constructor(isRepairing: boolean) {
    this.#isRepairing = isRepairing;
  }

  async add({ kind, object, problem, repair = "", hint = "", act }: Found): Promise<void> {
    const finding = { kind, object, problem, repair, hint };
    this.list.push(this.#isRepairing && act !== undefined ? await repaired(finding, act) : finding);
  }
}

/** A repair that fails is no repair; the reason is what a person needs. */
async function repaired(finding: FsckFinding, act: () => Promise<void> | void): Promise<FsckFinding> {
  try {
    await act();
    return finding;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === "cancelled") throw error;
    const hint = error.hint === null ? error.message : `${error.message}; ${error.hint}`;
    return { ...finding, repair: "", hint };
  }
}
