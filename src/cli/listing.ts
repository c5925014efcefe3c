import { isPrintable, printableJson, printableText } from "./printable.ts";
import { renderTable } from "./table.ts";
import { compileTemplate } from "./template/template.ts";

/** Docker's field names to text, e.g. `{ ID: "…", Names: "web" }`; a function is for templates alone: `{{.Label "tier"}}`. */
export type Fields = Readonly<Record<string, string | ((argument: string) => string)>>;

export type ListingSpec = {
  /** Column titles by field, e.g. `{ ID: "CONTAINER ID" }`. */
  readonly headers: Fields;
  /** Fields of the table that is printed without --format. */
  readonly columns: readonly string[];
  /** The field that --quiet prints. */
  readonly quietField: string;
};

export type ListingOptions = { readonly format?: string | undefined; readonly quiet?: boolean | undefined };

/** Items as a table, as JSON lines, or through a template; without a newline at the end, empty when there is nothing. */
export async function renderListing(
  items: readonly Fields[],
  spec: ListingSpec,
  options: ListingOptions,
): Promise<string> {
  const format = options.format ?? "table";
  if (options.quiet && options.format === undefined) return lines(items.map((item) => textOf(item, spec.quietField)));
  if (format === "json") return items.map(jsonLine).join("\n");
  if (format === "table") {
    const cells = (item: Fields) => spec.columns.map((field) => textOf(item, field));
    return tableOf([cells(spec.headers), ...items.map(cells)]);
  }
  // A shell passes \t and \n as two characters each.
  const template = format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  if (template.startsWith("table ")) {
    const row = compileTemplate(template.slice(6).trimStart(), { strict: true });
    const rows = [spec.headers, ...items].map((item) => row(item).split("\t"));
    return tableOf(rows);
  }
  const render = compileTemplate(template, { strict: true });
  return lines(items.map((item) => render(item)));
}

/** As Go writes a map: keys in order, and nothing that HTML could take for its own. */
function jsonLine(item: Fields): string {
  const sorted = Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1));
  return printableJson(Object.fromEntries(sorted)).replace(/[<>&]/g, (character) => {
    return `\\u00${character.charCodeAt(0).toString(16)}`;
  });
}

function textOf(item: Fields, field: string): string {
  const value = item[field];
  return typeof value === "string" ? value : "";
}

async function tableOf(rows: readonly (readonly string[])[]): Promise<string> {
  // Thousands of promises take longer than the rest of a long table.
  if (rows.every((row) => row.every(isPrintable))) return renderTable(rows.map((row) => row.map(inOneLine)));
  const cells = rows.map((row) => Promise.all(row.map(async (cell) => inOneLine(await printableText(cell)))));
  return renderTable(await Promise.all(cells));
}

function inOneLine(cell: string): string {
  return cell.includes("\n") ? cell.replaceAll("\n", " ") : cell;
}

function lines(texts: readonly string[]): Promise<string> {
  return printableText(texts.join("\n"));
}
