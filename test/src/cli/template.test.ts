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
    ["{{/* a comment */}}{{.Name}}{{- /* and one more */ -}} !", "web!"],
    ["{{with $s := .State}}{{$s.Pid}}{{.Running}}{{end}}", "12true"],
    ["{{with .Empty}}x{{else with .State}}{{.Pid}}{{end}}", "12"],
    ["{{range .Mounts}}{{.Source}}{{break}}{{end}}!", "/x!"],
    ['{{range .Mounts}}{{if eq .Source "/x"}}-{{continue}}{{end}}{{.Source}}{{end}}', "-/y"],
    ['{{print 1 2 "a" "b" 3}}{{println "a" 1}}', "1 2ab3a 1\n"],
    ["{{1.5}} {{1e3}} {{0x10}} {{-2}} {{'a'}}", "1.5 1000 16 -2 97"],
    ['{{lt "a" "b"}} {{ge .State.Pid 12}} {{ne .Name "x"}} {{not true}}', "true true true false"],
    ['{{printf "%05d|%-4s|%x|%t|%8.3f|%d%%" .State.Pid "ab" 255 true 1.5 5}}', "00012|ab  |ff|true|   1.500|5%"],
    ['{{html "<a>"}} {{urlquery "a b&c"}}', "&lt;a&gt; a+b%26c"],
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

  it("prints what is not there as Go prints it, where its kind is known", () => {
    const nulls = new Map([["Empty", "[]"]]);
    expect(compileTemplate("{{.Empty}} {{json .Empty}}", { nulls })(data)).toBe("[] null");
  });

  it("names a field that is not there where all are known", () => {
    expect(() => compileTemplate("{{.Nme}}", { strict: true })(data)).toThrow("there is no field .Nme");
  });

  it("does not reach what every object has", () => {
    expect(compileTemplate("{{.constructor}}{{.__proto__}}")(data)).toBe("<no value><no value>");
  });
});
