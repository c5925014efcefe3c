import { expect, it } from "vitest";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import { drawTable, windowStart } from "../../../src/components/table.ts";
import { containerColumns, containerRow, portText, portTexts } from "../../../src/panes/containers/view-model.ts";
import { span } from "../../../src/theme/tokens.ts";
import { drawnRows } from "../../support/drawn-rows.ts";
import { aContainer, aSample } from "../../support/protocol-values.ts";

const now = Date.parse("2026-11-22T00:05:00Z");

it("says how a container is, with a tone that means something", () => {
  const row = (fields: Parameters<typeof aContainer>[0]) => {
    const { state, tone } = containerRow(aContainer(fields), null, now);
    return `${state} ${tone}`;
  };
  expect(row({})).toBe("running ok");
  expect(row({ health: "unhealthy" })).toBe("unhealthy error");
  expect(row({ health: "healthy" })).toBe("healthy ok");
  expect(row({ status: "paused", health: "healthy" })).toBe("paused warn");
  expect(row({ health: "healthy", stopDeadline: "2026-11-22T00:05:06.2Z" })).toBe("stopping 7s warn");
  expect(row({ stopDeadline: "never" })).toBe("stopping warn");
  expect(row({ stopDeadline: "2026-11-22T00:04:00Z" })).toBe("stopping 0s warn");
  expect(row({ status: "exited", exitCode: 0 })).toBe("exited 0 faint");
  expect(row({ status: "exited", exitCode: 3 })).toBe("exited 3 error");
  expect(row({ status: "exited", exitCode: 137, oomKilled: true })).toBe("OOM killed error");
  expect(row({ status: "paused" })).toBe("paused warn");
});

it("says why a container does not run", () => {
  const reason = (fields: Parameters<typeof aContainer>[0]) =>
    containerRow(aContainer({ status: "exited", ...fields }), null, now).reason;
  expect(reason({ exitCode: 0 })).toBe("");
  expect(reason({ exitCode: 1 })).toBe("");
  expect(reason({ exitCode: 1, reason: "exit code 1" })).toBe("");
  expect(reason({ exitCode: 3, reason: "exit code 3: cannot read\u001b[31m config" })).toBe("cannot read config");
  expect(reason({ exitCode: 137, reason: "out of memory: its limit is 16 MB" })).toBe(
    "out of memory: its limit is 16 MB",
  );
  expect(reason({ exitCode: 137 })).toBe("killed by SIGKILL");
  expect(reason({ exitCode: 143 })).toBe("killed by SIGTERM");
  expect(reason({ exitCode: 163 })).toBe("killed by signal 35");
  const restartPolicy = { name: "on-failure", maximumRetryCount: 3 } as const;
  expect(reason({ exitCode: 1, restartCount: 3, restartPolicy })).toBe("gave up after 3 restarts");
  expect(reason({ exitCode: 1, restartCount: 2, restartPolicy })).toBe("");
  expect(reason({ exitCode: 1, restartCount: 3, restartPolicy, reason: "exit code 1: no config" })).toBe(
    "no config, gave up after 3 restarts",
  );
  const resources = { ...unlimited, memory: 64 * 1024 ** 2 };
  expect(reason({ exitCode: 137, oomKilled: true, resources })).toBe("limit 64MiB");
  expect(reason({ status: "restarting", exitCode: 1, restartCount: 3 })).toBe("exit code 1, 3 restarts");
  expect(reason({ status: "created", error: "no \u001b[31msuch file" })).toBe("no such file");
  expect(containerRow(aContainer({ exitCode: 137 }), null, now).reason).toBe("");
});

it("says it across the columns of what it would use, if it ran", () => {
  const died = aContainer({ name: "dead", status: "exited", exitCode: 127, error: "no such program: /bin/nothing" });
  const rows = [containerRow(aContainer(), aSample(), now), containerRow(died, null, now)];
  const options = { rows, width: 78, from: 0, count: 2, selected: -1, selectedFill: "selection" as const };
  const { lines } = drawTable({ ...options, columns: containerColumns, gutter: () => span(" ") });
  const texts = lines.map(({ spans }) => spans.map((part) => part.text).join(""));
  expect(texts[1]).toMatch(/○ dead +exited 127 +no such program: \/bin\/nothing /);
  expect(texts.map((text) => [...text].length)).toEqual([78, 78]);
});

it("counts down in a narrow list without moving anything", () => {
  const ports = [{ hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" as const }];
  const stopping = (time: string) => containerRow(aContainer({ ports, stopDeadline: time }), aSample(), now);
  const drawn = ["2026-11-22T00:05:10Z", "2026-11-22T00:05:09Z"].map((time) =>
    drawnRows(containerColumns, [stopping(time), containerRow(aContainer({ ports }), aSample(), now)], 77),
  );
  expect(drawn[0]?.[1]).toMatch(/● web-1 +stopping 10s +1MiB .* \*:8080→80$/);
  expect(drawn[1]?.[1]).toMatch(/● web-1 +stopping 9s +1MiB/);
  expect(drawn[0]?.[2]).toBe(drawn[1]?.[2]);
});

it("shows use against what it may use", () => {
  const row = containerRow(aContainer(), aSample({ cpu: 50, used: 1024 ** 2 }), now);
  expect(row.cpu).toEqual({ percent: 50, share: 0.25 });
  expect(row.memory).toEqual({ used: 1024 ** 2, share: 0.25 });
  expect(row.uptime).toBe("5m");
  const ended = aContainer({ status: "exited", finishedAt: "2026-11-22T00:04:48Z" });
  expect(containerRow(ended, aSample(), now)).toMatchObject({ cpu: null, memory: null, uptime: "12s ago" });
});

it("tells ports that strangers can reach from those they cannot", () => {
  const port = { hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;
  expect(portText({ ...port, hostAddress: "0.0.0.0" })).toEqual({ text: "*:8080→80", open: true });
  expect(portText({ ...port, hostAddress: "127.0.0.1" })).toEqual({ text: "127.0.0.1:8080→80", open: false });
  expect(portText({ ...port, hostAddress: "::1", protocol: "udp" })).toEqual({
    text: "[::1]:8080→80/udp",
    open: false,
  });
  const both = [
    { ...port, hostAddress: "0.0.0.0" },
    { ...port, hostAddress: "::" },
  ];
  expect(portTexts(both)).toEqual([{ text: "*:8080→80", open: true }]);
});

it("lets no escape sequence of a name through", () => {
  const row = containerRow(aContainer({ name: "a\u001b[2Jb", image: "x\u0007y" }), null, now);
  expect([row.name, row.image]).toEqual(["ab", "xy"]);
});

it("draws rows of one width, the less important columns falling off a narrow screen", () => {
  const rows = [
    containerRow(aContainer({ name: "a-rather-long-name-of-a-container-that-goes-on" }), aSample(), now),
    containerRow(aContainer({ id: "c2", name: "漢字", status: "exited" }), null, now),
  ];
  for (const width of [40, 58, 78, 118, 198]) {
    const table = drawTable({
      columns: containerColumns,
      rows,
      width,
      from: 0,
      count: 5,
      selected: 1,
      selectedFill: "selection",
      gutter: () => span(" "),
    });
    for (const { spans } of [table.header, ...table.lines]) {
      const text = spans.map((part) => part.text).join("");
      expect([...text.replaceAll(/[漢字]/g, "xx")]).toHaveLength(width);
    }
    const header = table.header.spans.map((part) => part.text).join("");
    expect(header).toContain("NAME");
    expect(header.includes("IMAGE")).toBe(width >= 78);
    expect(table.lines[1]?.fill).toBe("selection");
  }
});

it("keeps the selected row in the window and moves it as little as it can", () => {
  expect(windowStart(100, 10, 0, 0)).toBe(0);
  expect(windowStart(100, 10, 9, 0)).toBe(0);
  expect(windowStart(100, 10, 10, 0)).toBe(1);
  expect(windowStart(100, 10, 4, 5)).toBe(4);
  expect(windowStart(100, 10, 99, 0)).toBe(90);
  expect(windowStart(5, 10, 4, 50)).toBe(0);
  expect(windowStart(0, 10, -1, 3)).toBe(0);
});
