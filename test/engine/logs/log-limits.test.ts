import { describe, expect, it } from "vitest";
import { planLog } from "../../../engine/logs/log-limits.ts";

describe("what a choice comes to", () => {
  it.each([
    ["local", {}, { maxSize: 20_971_520, maxFiles: 5, compress: true }],
    ["local", { "max-size": "10m", "max-file": "3" }, { maxSize: 10_000_000, maxFiles: 3, compress: true }],
    ["local", { "max-file": "1" }, { maxSize: 20_971_520, maxFiles: 1, compress: false }],
    ["local", { "max-size": "-1" }, { maxSize: null, maxFiles: 5, compress: true }],
    ["local", { compress: "false" }, { maxSize: 20_971_520, maxFiles: 5, compress: false }],
    ["json-file", {}, { maxSize: 20_971_520, maxFiles: 5, compress: true }],
    ["json-file", { "max-size": "10k" }, { maxSize: 10_000, maxFiles: 1, compress: false }],
    ["json-file", { "max-size": "1.5GB", "max-file": "2" }, { maxSize: 1.5e9, maxFiles: 2, compress: false }],
    ["json-file", { "max-size": "1m", "max-file": "2", compress: "T" }, { maxSize: 1e6, maxFiles: 2, compress: true }],
    ["json-file", { "max-size": "-1" }, { maxSize: null, maxFiles: 1, compress: false }],
    ["json-file", { mode: "non-blocking", "max-buffer-size": "4m", labels: "a" }, { maxSize: 20_971_520 }],
    ["none", { anything: "goes" }, { maxSize: null }],
  ])("%s with %j", (driver, options, limits) => {
    expect(planLog({ driver, options } as Parameters<typeof planLog>[0])).toMatchObject({ driver, limits });
  });

  it.each([
    ["syslog", {}, "logger: no log driver named 'syslog' is registered"],
    ["local", { "max-siz": "1" }, "unknown log opt 'max-siz' for log driver local"],
    ["json-file", { foo: "1" }, "unknown log opt 'foo' for json-file log driver"],
    ["json-file", { "max-size": "0" }, "max-size must be a positive number"],
    ["json-file", { "max-size": "ten" }, "invalid size: 'ten'"],
    ["local", { "max-size": "ten" }, "invalid value for max-size: ten: invalid size: 'ten'"],
    ["json-file", { "max-file": "0" }, "max-file cannot be less than 1"],
    ["json-file", { "max-file": "x" }, 'strconv.Atoi: parsing "x": invalid syntax'],
    ["local", { "max-file": "-1" }, "max-file must not be negative"],
    ["local", { "max-file": "1", compress: "true" }, "compression cannot be enabled when max file count is 1"],
    ["local", { compress: "yes" }, 'invalid boolean value for compress: strconv.ParseBool: parsing "yes"'],
    [
      "json-file",
      { "max-size": "1m", compress: "true" },
      "compress cannot be true when max-file is less than 2 or max-size is not set",
    ],
    ["local", { mode: "fast" }, "logger: logging mode not supported: fast"],
    ["local", { "max-buffer-size": "1m" }, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"],
  ])("refuses %s with %j as docker does", (driver, options, message) => {
    const plan = () => planLog({ driver, options } as Parameters<typeof planLog>[0]);
    expect(plan).toThrow(message);
    expect(plan).toThrow(expect.objectContaining({ code: "invalid-argument", exitCode: 125 }));
  });
});
