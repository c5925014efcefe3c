/** The panes, in the order of their number keys. */
export const panes = ["containers", "images", "layers", "logs", "stats", "networks", "volumes"] as const;
export type Pane = (typeof panes)[number];

/** The screens of the file browser, which lie over all panes: the tree, one file, what is wasted, two sides compared. */
export const browserScreens = ["files", "file", "waste", "compare"] as const;
export type BrowserScreen = (typeof browserScreens)[number];

/** Views that lie over the panes and have keys of their own. */
export const overlayPlaces = ["details", "prune", "work", "events", "connections", "builds"] as const;
export type OverlayPlace = (typeof overlayPlaces)[number];

/** Where a key is pressed. */
export type Place = Pane | BrowserScreen | OverlayPlace;

export function isBrowserScreen(place: Place): place is BrowserScreen {
  return browserScreens.some((screen) => screen === place);
}
