import type { Theme } from "../theme/theme.ts";

/** How this person wants it shown. */
export type Prefs = {
  readonly theme: Theme;
  readonly logTimes: boolean;
  readonly logWrap: boolean;
};

export type PrefsAction =
  | { readonly type: "theme"; readonly theme: Theme }
  | { readonly type: "log-times" }
  | { readonly type: "log-wrap" };

export function reducePrefs(prefs: Prefs, action: PrefsAction): Prefs {
  switch (action.type) {
    case "theme":
      return { ...prefs, theme: action.theme };
    case "log-times":
      return { ...prefs, logTimes: !prefs.logTimes };
    case "log-wrap":
      return { ...prefs, logWrap: !prefs.logWrap };
  }
}
