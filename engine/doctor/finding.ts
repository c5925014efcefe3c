export type FindingStatus = "ok" | "warning" | "failed";

/** One thing that was looked at. `failed`: the engine, or something it promises, does not work; `warning`: less than it could. */
export type Finding = {
  readonly name: string;
  readonly status: FindingStatus;
  readonly detail: string;
  /** What to do; null where nothing needs doing. */
  readonly hint: string | null;
};

export function ok(name: string, detail: string): Finding {
  return { name, status: "ok", detail, hint: null };
}

export function warning(name: string, detail: string, hint: string | null): Finding {
  return { name, status: "warning", detail, hint };
}

export function failed(name: string, detail: string, hint: string | null): Finding {
  return { name, status: "failed", detail, hint };
}
