import type { Store } from "../store/store.ts";
import type { Flash, Ui, UiAction } from "../store/ui.ts";

/** How long a message stays, in milliseconds; an error long enough to be read and typed off. */
const lifetimes: Readonly<Record<Flash["tone"], number>> = { ok: 6_000, info: 6_000, warn: 15_000, error: 30_000 };

/** Takes each flash away after its time. */
export function clearFlashes(ui: Store<Ui, UiAction>): Disposable {
  let shown: Flash | null = null;
  let timer: NodeJS.Timeout | null = null;
  const stop = ui.subscribe(() => {
    const { flash } = ui.get();
    if (flash === shown) return;
    shown = flash;
    if (timer !== null) clearTimeout(timer);
    if (flash !== null) timer = setTimeout(() => ui.dispatch({ type: "flash", flash: null }), lifetimes[flash.tone]);
  });
  return {
    [Symbol.dispose]: () => {
      if (timer !== null) clearTimeout(timer);
      stop();
    },
  };
}
