import { type Browser, type BrowserAction, browsedOf } from "../store/browser.ts";
import type { Mirror } from "../store/mirror.ts";

/** What the file browser has to be told after a change of what the engine has: of what was removed, and that a check may have repaired layers. */
export function browserNews(browser: Browser, before: Mirror, now: Mirror): readonly BrowserAction[] {
  if (browser.length === 0) return [];
  const objects = ({ images, containers, volumes }: Mirror) =>
    new Set([...images, ...containers, ...volumes].map(({ id }) => id));
  const news: BrowserAction[] = [];
  if ((["images", "containers", "volumes"] as const).some((kind) => before[kind] !== now[kind])) {
    const [had, has] = [objects(before), objects(now)];
    const shown = new Set(browser.flatMap(browsedOf).map(({ id }) => id));
    for (const id of shown) if (had.has(id) && !has.has(id)) news.push({ type: "removed", id });
  }
  const checks = ({ operations }: Mirror) => operations.filter(({ kind }) => kind === "fsck").map(({ id }) => id);
  const isOver = (id: string) => !now.operations.some((operation) => operation.id === id);
  if (before.operations !== now.operations && checks(before).some(isOver)) news.push({ type: "ask-again" });
  return news;
}
