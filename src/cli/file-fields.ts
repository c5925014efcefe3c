import type { ComparedFile, FileEntry } from "../../engine/protocol/files.ts";
import type { MethodResult } from "../../engine/protocol/methods.ts";
import { formatBytes } from "../format/bytes.ts";
import { formatMode } from "../format/file-mode.ts";
import type { ListingSpec } from "./listing.ts";

type Texts = Readonly<Record<string, string>>;

export const entryListing: ListingSpec = {
  headers: {
    Change: "CHANGE",
    Size: "SIZE",
    Bytes: "BYTES",
    Entries: "ENTRIES",
    Mode: "MODE",
    Owner: "OWNER",
    ModifiedAt: "MODIFIED",
    Layer: "LAYER",
    Type: "TYPE",
    Path: "PATH",
    Link: "LINK",
    Name: "PATH",
  },
  columns: ["Change", "Size", "Mode", "Owner", "Layer", "Name"],
  quietField: "Path",
};

export function entryOf(entry: FileEntry): Texts {
  const { path, type, linkTarget } = entry;
  const link = type === "symlink" ? ` -> ${linkTarget}` : type === "hardlink" ? ` link to ${linkTarget}` : "";
  return {
    Change: entry.change,
    Size: formatBytes(entry.size),
    Bytes: String(entry.size),
    Entries: String(entry.entries),
    Mode: formatMode(type, entry.mode),
    Owner: `${entry.uid}:${entry.gid}`,
    ModifiedAt: entry.modifiedAt,
    Layer: String(entry.layer),
    Type: type,
    Path: path,
    Link: linkTarget,
    Name: `${path}${type === "directory" && path !== "/" ? "/" : ""}${link}`,
  };
}

export const wastedListing: ListingSpec = {
  headers: { Wasted: "WASTED", Bytes: "BYTES", Layers: "LAYERS", Path: "PATH" },
  columns: ["Wasted", "Layers", "Path"],
  quietField: "Path",
};

export function wastedOf({ path, layers, bytes }: MethodResult<"files.waste">["files"][number]): Texts {
  return { Wasted: formatBytes(bytes), Bytes: String(bytes), Layers: String(layers), Path: path };
}

export const comparedListing: ListingSpec = {
  headers: { Change: "CHANGE", Left: "LEFT", Right: "RIGHT", Path: "PATH" },
  columns: ["Change", "Left", "Right", "Path"],
  quietField: "Path",
};

export function comparedOf({ path, change, left, right }: ComparedFile): Texts {
  const size = (bytes: number | null) => (bytes === null ? "-" : formatBytes(bytes));
  return { Change: change, Left: size(left), Right: size(right), Path: path };
}
