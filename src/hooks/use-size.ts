import { useSyncExternalStore } from "react";
import type { TerminalAccess } from "../app/dashboard.ts";
import type { Size } from "../app/layout.ts";

/** The terminal's size, drawn again whenever it changes. */
export function useSize(terminal: Pick<TerminalAccess, "size" | "onResize">): Size {
  return useSyncExternalStore(
    (listener) => terminal.onResize(listener),
    () => terminal.size(),
  );
}
