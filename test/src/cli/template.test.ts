import { describe, expect, it } from "vitest";
import { compileTemplate } from "../../../src/cli/template/template.ts";

const data = {
  Name: "web",
  Labels: { b: "2", a: "1" },
  Mounts: [{ Source: "/x" }, { Source: "/y" }],
  Ports: { "80/tcp": [{ HostPort: "8080" }] },
  State: { Pid: 12, Running: true, Error: "" },
  Empty: null,
};

describe("compileTemplate", () => {
  it.each([
    ["{{.Name}}", "web"],
    ["{{ .State.Pid }}/{{.State.Running}}", "12/true"],
    ["{{json .Labels}}", '{"b":"2","a":"1"}'],
    ["{{.Labels}}", "map[a:1 b:2]"],
    ["{{.Empty}} {{.State.Nope}}", "<no value> <no value>"],
    ["{{range .Mounts}}{{.Source}};{{end}}", "/x;/y;"],
    ["{{range $i, $m := .Mounts}}{{$i}}={{$m.Source}} {{end}}", "0=/x 1=/y "],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "a=1,b=2,"],
    ["{{range $p, $c := .Ports}}{{$p}}->{{(index $c 0).HostPort}}{{end}}", "80/tcp->8080"],
    ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
    ['{{if .State.Error}}bad{{else if eq .Name "web"}}web{{else}}other{{end}}', "web"],
    ["{{with .State}}{{.Pid}}{{end}}", "12"],
    ['{{index .Labels "a"}} {{len .Mounts}}', "1 2"],
    ['{{.Name | upper | printf "%-5s|"}}', "WEB  |"],
    ['{{join (split "a,b" ",") "-"}}', "a-b"],
    ["a {{- .Name -}} b", "awebb"],
    ["{{$x := .Name}}{{$x}}{{$.State.Pid}}", "web12"],
  ])("%s", (template, expected) => {
    expect(compileTemplate(template)(data)).toBe(expected);
  });

  it.each([
    ["{{.Name", "not closed"],
    ["{{range .Mounts}}", "no {{end}}"],
    ["{{end}}", "unexpected {{end}}"],
    ["{{nope .Name}}", "unknown function nope"],
    ["{{$x}}", "unknown variable $x"],
    ["{{}}", "unexpected the end"],
  ])("refuses %s", (template, message) => {
    expect(() => compileTemplate(template)(data)).toThrow(message);
  });

  it("names a field that is not there where all are known", () => {
    expect(() => compileTemplate("{{.Nme}}", { strict: true })(data)).toThrow("there is no field .Nme");
  });

  it("does not reach what every object has", () => {
    expect(compileTemplate("{{.constructor}}{{.__proto__}}")(data)).toBe("<no value><no value>");
  });
});
