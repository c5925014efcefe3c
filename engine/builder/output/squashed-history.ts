import type { HistoryDocument } from "../../oci/image-config.ts";

/** The steps of an image whose layers above `kept` became one, or none; docker's words. createdAt: RFC 3339. */
export function squashedHistory(
  history: readonly HistoryDocument[],
  { kept, hasLayer, createdAt }: { readonly kept: number; readonly hasLayer: boolean; readonly createdAt: string },
): HistoryDocument[] {
  let layers = 0;
  const steps = history.map((step): HistoryDocument => {
    if (step.empty_layer === true || layers++ < kept) return step;
    return { ...step, empty_layer: true };
  });
  const merged = Math.max(0, layers - kept);
  return hasLayer ? [...steps, { created: createdAt, created_by: "", comment: `merge ${merged} layers` }] : steps;
}
