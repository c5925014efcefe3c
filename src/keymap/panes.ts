/** The panes, in the order of their number keys. */
export const panes = ["containers", "images", "layers", "logs", "stats"] as const;
export type Pane = (typeof panes)[number];
