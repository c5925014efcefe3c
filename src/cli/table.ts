/**
 * Rows to aligned columns as docker's tables have them: at least ten wide, three blanks between, the last one as it is. Widths
 * count characters of text that has been sanitised.
 */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(10, ...rows.map((row) => characters(row[column] ?? "") + 3)),
  );
  return rows.map((row) => renderRow(row, widths)).join("\n");
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  return row.map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] ?? 0))).join("");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - characters(cell)));
}

function characters(text: string): number {
  // Only text outside ASCII can have fewer characters than code units.
  return /^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length;
}
