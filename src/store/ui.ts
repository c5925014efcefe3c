import type { CommandID } from "../keymap/commands.ts";
import type { Pane } from "../keymap/panes.ts";
import type { Line } from "../theme/tokens.ts";
import type { EventsView } from "./event-log.ts";
import type { Form } from "./form.ts";
import type { SearchView } from "./image-views.ts";
import type { PruneView } from "./prune-view.ts";
import type { TextInput } from "./text-input.ts";

/** Panes whose rows can be selected. */
export const listPanes = ["containers", "images", "layers", "networks", "volumes"] as const;
export type ListPane = (typeof listPanes)[number];
/** Panes whose rows can be marked. */
export type MarkPane = Exclude<ListPane, "layers">;
/** Panes that share a place where there is room for one of them beside the others. */
export const cornerPanes = ["layers", "networks", "volumes"] as const;
export type CornerPane = (typeof cornerPanes)[number];

export function isMarkPane(pane: Pane): pane is MarkPane {
  return pane === "containers" || pane === "images" || pane === "networks" || pane === "volumes";
}

/** By id; where the row is gone, the one that stands at its place now is meant. */
export type Selection = { readonly id: string | null; readonly index: number };

/** Whose details they are: they are read again when it changes. */
export type DetailsSubject = { readonly pane: MarkPane; readonly id: string };

/** Which networks a container is on, or which containers are on a network; the cursor is on one of those. */
export type ConnectionsView = {
  readonly kind: "connections";
  readonly side: "container" | "network";
  readonly id: string;
  readonly selection: Selection;
};

/** How deep one looks: all builds, the steps of one, what one step has written. */
export type BuildsLevel = "list" | "steps" | "log";

/** The builds, over all panes. */
export type BuildsView = {
  readonly kind: "builds";
  readonly level: BuildsLevel;
  readonly build: Selection;
  /** Null: the one that runs, or that ended last. */
  readonly step: number | null;
  /** Rows between the lowest that is seen and the end of the log; 0 follows it. */
  readonly back: number;
};

export type OtherForm = { readonly name: string; readonly lines: readonly Line[] };

export type Overlay =
  | { readonly kind: "help"; readonly scroll: number }
  | { readonly kind: "palette"; readonly query: TextInput; readonly index: number }
  | {
      readonly kind: "details";
      readonly title: string;
      readonly lines: readonly Line[];
      readonly scroll: number;
      /** The same in another form, and what that is called: JSON. */
      readonly other?: OtherForm;
      readonly subject?: DetailsSubject;
    }
  | { readonly kind: "form"; readonly form: Form }
  /** Long work of all clients; the cursor is on one of them. */
  | { readonly kind: "work"; readonly selection: Selection }
  | SearchView
  | PruneView
  | EventsView
  | ConnectionsView
  | BuildsView;

export type Prompt =
  | {
      readonly kind: "filter";
      readonly pane: Pane | "files" | "events";
      readonly input: TextInput;
      readonly before: string;
    }
  /** One line that is typed. `offer` is meant where nothing is typed. `targets`: what it is about. */
  | {
      readonly kind: "line";
      readonly label: string;
      readonly command: CommandID;
      readonly targets: readonly string[];
      readonly input: TextInput;
      readonly offer: string;
    }
  /** `targets` are fixed when the question is asked, so that the answer means what the question named. */
  | {
      readonly kind: "confirm";
      readonly question: string;
      readonly command: CommandID;
      readonly targets: readonly string[];
    };

export type FlashTone = "ok" | "warn" | "error" | "info";
/** The newest result or error. `twin` is the same act on the command line. */
export type Flash = {
  readonly tone: FlashTone;
  readonly message: string;
  readonly hint: string;
  readonly twin: string;
};

/** Long work this dashboard asked for, such as the start of many. */
export type Task = {
  readonly id: number;
  readonly title: string;
  readonly done: number;
  readonly total: number;
  /** They count bytes, which are told as a share; the total is 0 while it is unknown. */
  readonly isShare?: boolean;
};

/** Work in the engine that ends with our connection, such as a pull this dashboard asked for. */
export type OwnWork = { readonly id: number; readonly title: string };

export type Ui = {
  readonly focus: Pane;
  /** The pane beside the containers where there is room for one only. */
  readonly tab: Exclude<Pane, "containers">;
  /** The one of the corner panes that is seen where they share a place. */
  readonly corner: CornerPane;
  readonly fullscreen: boolean;
  readonly selections: Readonly<Record<ListPane, Selection>>;
  readonly marks: Readonly<Record<MarkPane, readonly string[]>>;
  readonly filters: Readonly<Record<Pane, string>>;
  /** Whose layers are shown: the one that was last moved in. */
  readonly layersOf: "containers" | "images";
  /** Sequence of the last line shown, or null while the log is followed. */
  readonly logBottom: number | null;
  readonly overlay: Overlay | null;
  readonly prompt: Prompt | null;
  readonly flash: Flash | null;
  readonly tasks: readonly Task[];
  readonly works: readonly OwnWork[];
  /** Counts full repaints. */
  readonly repaints: number;
};

export type UiAction =
  | { readonly type: "focus"; readonly pane: Pane }
  | { readonly type: "fullscreen"; readonly on: boolean }
  | { readonly type: "select"; readonly pane: ListPane; readonly selection: Selection }
  /** The same choice, told anew since the list has changed. */
  | { readonly type: "pin"; readonly pane: ListPane; readonly selection: Selection }
  | { readonly type: "mark"; readonly pane: MarkPane; readonly id: string }
  | { readonly type: "unmark"; readonly pane: MarkPane; readonly ids: readonly string[] }
  | { readonly type: "filter"; readonly pane: Pane; readonly text: string }
  | { readonly type: "log-bottom"; readonly sequence: number | null }
  | { readonly type: "overlay"; readonly overlay: Overlay | null }
  | { readonly type: "prompt"; readonly prompt: Prompt | null }
  | { readonly type: "flash"; readonly flash: Flash | null }
  | { readonly type: "task"; readonly task: Task }
  | { readonly type: "task-done"; readonly id: number }
  | { readonly type: "work"; readonly work: OwnWork }
  | { readonly type: "work-done"; readonly id: number }
  | { readonly type: "repaint" };

const nothing: Selection = { id: null, index: 0 };

export const initialUi: Ui = {
  focus: "containers",
  tab: "logs",
  corner: "layers",
  fullscreen: false,
  selections: { containers: nothing, images: nothing, layers: nothing, networks: nothing, volumes: nothing },
  marks: { containers: [], images: [], networks: [], volumes: [] },
  filters: { containers: "", images: "", layers: "", logs: "", stats: "", networks: "", volumes: "" },
  layersOf: "containers",
  logBottom: null,
  overlay: null,
  prompt: null,
  flash: null,
  tasks: [],
  works: [],
  repaints: 0,
};

export function reduceUi(ui: Ui, action: UiAction): Ui {
  switch (action.type) {
    case "focus":
      return focusPane(ui, action.pane);
    case "fullscreen":
      return { ...ui, fullscreen: action.on };
    case "select":
      return select(ui, action.pane, action.selection);
    case "pin":
      return { ...ui, selections: { ...ui.selections, [action.pane]: action.selection } };
    case "mark":
      return { ...ui, marks: { ...ui.marks, [action.pane]: toggled(ui.marks[action.pane], action.id) } };
    case "unmark": {
      const left = ui.marks[action.pane].filter((id) => !action.ids.includes(id));
      return left.length === ui.marks[action.pane].length ? ui : { ...ui, marks: { ...ui.marks, [action.pane]: left } };
    }
    case "filter":
      return { ...ui, filters: { ...ui.filters, [action.pane]: action.text } };
    case "log-bottom":
      return { ...ui, logBottom: action.sequence };
    case "repaint":
      return { ...ui, repaints: ui.repaints + 1 };
    default:
      return reduceMessages(ui, action);
  }
}

type MessageAction = Extract<UiAction, { type: "overlay" | "prompt" | "flash" | `task${string}` | `work${string}` }>;

function reduceMessages(ui: Ui, action: MessageAction): Ui {
  switch (action.type) {
    case "overlay":
      return { ...ui, overlay: action.overlay };
    case "prompt":
      return { ...ui, prompt: action.prompt };
    case "flash":
      return ui.flash === action.flash ? ui : { ...ui, flash: action.flash };
    case "task":
      return { ...ui, tasks: [...ui.tasks.filter((task) => task.id !== action.task.id), action.task] };
    case "task-done":
      return { ...ui, tasks: ui.tasks.filter((task) => task.id !== action.id) };
    case "work":
      return { ...ui, works: [...ui.works, action.work] };
    case "work-done":
      return { ...ui, works: ui.works.filter((work) => work.id !== action.id) };
  }
}

function focusPane(ui: Ui, pane: Pane): Ui {
  const layersOf = pane === "containers" || pane === "images" ? pane : ui.layersOf;
  const corner = cornerPanes.find((one) => one === pane) ?? ui.corner;
  return { ...ui, focus: pane, tab: pane === "containers" ? ui.tab : pane, corner, layersOf };
}

function select(ui: Ui, pane: ListPane, selection: Selection): Ui {
  const selections = { ...ui.selections, [pane]: selection };
  if (pane !== "containers" && pane !== "images") return { ...ui, selections };
  // Another container's or image's layers are a new list.
  return { ...ui, selections: { ...selections, layers: nothing }, layersOf: pane };
}

function toggled(ids: readonly string[], id: string): readonly string[] {
  return ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id];
}
