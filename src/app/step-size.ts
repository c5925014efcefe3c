/** How far to move: rows, pages, or to an end. */
export type Move = "down" | "up" | "page-down" | "page-up" | "first" | "last";

/** Rows, downwards; `page`: of them that are seen. */
export function stepSize(step: Move, page: number): number {
  switch (step) {
    case "down":
      return 1;
    case "up":
      return -1;
    case "page-down":
      return page;
    case "page-up":
      return -page;
    case "first":
      return Number.NEGATIVE_INFINITY;
    case "last":
      return Number.POSITIVE_INFINITY;
  }
}
