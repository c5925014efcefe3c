import { stripVTControlCharacters } from "node:util";
import { render } from "ink-testing-library";
import { expect, it } from "vitest";
import { Panel } from "../../../src/components/Panel.tsx";
import type { Style } from "../../../src/theme/paint.ts";
import { defaultTheme } from "../../../src/theme/theme.ts";

const style: Style = { theme: defaultTheme(), level: 0, ascii: false, greyed: false };

function draw(ascii: boolean, lines: readonly string[]): string {
  const { lastFrame, unmount } = render(
    <Panel
      title={[{ text: "1 Containers", tone: "title" }]}
      note={[{ text: "2 marked", tone: "muted" }]}
      lines={lines.map((text) => ({ spans: [{ text, tone: "text" }] }))}
      columns={40}
      rows={4}
      focused={true}
      style={{ ...style, ascii }}
    />,
  );
  const frame = stripVTControlCharacters(lastFrame() ?? "");
  unmount();
  return frame;
}

it("frames its lines, cuts what is too long, and fills what is too short", () => {
  expect(draw(false, ["web", "x".repeat(60)]).split("\n")).toEqual([
    "╭─ 1 Containers ──────────── 2 marked ─╮",
    "│web                                   │",
    `│${"x".repeat(37)}…│`,
    "╰──────────────────────────────────────╯",
  ]);
});

it("keeps its size with wide characters, and draws without box drawing where the terminal has none", () => {
  const lines = draw(true, ["容器 web"]).split("\n");
  expect(lines[0]).toBe("+- 1 Containers ------------ 2 marked -+");
  expect(lines[3]).toBe("+--------------------------------------+");
});
