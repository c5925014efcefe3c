import { findJson } from "../../lib/json.ts";
import type { Distribution, FoundPackage } from "./found-package.ts";

/** Paragraphs of a control file (deb-control(5)), field names in lower case; of fields over several lines the first. */
function paragraphs(text: string): Map<string, string>[] {
  return text.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      const match = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
      if (match !== null) fields.set((match[1] ?? "").toLowerCase(), (match[2] ?? "").trim());
    }
    return fields.size === 0 ? [] : [fields];
  });
}

/** dpkg's status file, or one of those in status.d as images without dpkg have them. Only what is installed. */
export function parseDpkgStatus(text: string, source: string): FoundPackage[] {
  return paragraphs(text).flatMap((fields): FoundPackage[] => {
    const status = fields.get("status");
    const name = fields.get("package");
    const version = fields.get("version");
    // In status.d there is no word of it.
    const isInstalled = status === undefined || / (?:installed|triggers-pending|triggers-awaited)$/.test(status);
    if (!name || !version || !isInstalled) return [];
    return [
      {
        ...{ type: "deb", name, version, license: "", source },
        architecture: fields.get("architecture") ?? "",
        supplier: fields.get("maintainer") ?? "",
        // `glibc (2.36-9)`
        origin: (fields.get("source") ?? "").replace(/ .*$/, ""),
      },
    ];
  });
}

/** apk's `lib/apk/db/installed`: paragraphs of lines that begin with a letter and a colon. */
export function parseApkInstalled(text: string, source: string): FoundPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph): FoundPackage[] => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, "m").exec(paragraph)?.[1]?.trim() ?? "";
    const [name, version] = [field("P"), field("V")];
    if (name === "" || version === "") return [];
    return [
      {
        ...{ type: "apk", name, version, source },
        ...{ architecture: field("A"), license: field("L"), supplier: field("m"), origin: field("o") },
      },
    ];
  });
}

/** A package.json that was installed; null for one that says nothing of its name. */
export function parsePackageJson(text: string, source: string): FoundPackage | null {
  const found = findJson(text);
  if (typeof found !== "object" || found === null) return null;
  const { name, version, license, author } = found as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string" || name === "" || version === "") return null;
  return {
    ...{ type: "npm", name, version, architecture: "", origin: "", source },
    license: typeof license === "string" ? license : nestedText(license, "type"),
    supplier: typeof author === "string" ? author : nestedText(author, "name"),
  };
}

function nestedText(value: unknown, key: string): string {
  const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof text === "string" ? text : "";
}

/** METADATA of a dist-info directory, or PKG-INFO of an egg-info one (core metadata specification of Python packages). */
export function parsePythonMetadata(text: string, source: string): FoundPackage | null {
  const [head] = paragraphs(text);
  const name = head?.get("name");
  const version = head?.get("version");
  if (!name || !version) return null;
  return {
    ...{ type: "pypi", name, version, architecture: "", origin: "", source },
    license: head?.get("license-expression") ?? head?.get("license") ?? "",
    supplier: head?.get("author") ?? "",
  };
}

export function parseOSRelease(text: string): Distribution {
  const field = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)`, "m").exec(text)?.[1] ?? "";
  return { id: field("ID"), version: field("VERSION_ID") };
}
