import { expect, it } from "vitest";
import { createForm, createTwin, requestOf } from "../../../src/panes/images/create-request.ts";
import { imageRow } from "../../../src/panes/images/view-model.ts";
import { splitWords } from "../../../src/panes/images/words.ts";
import type { Form } from "../../../src/store/form.ts";
import { inputOf } from "../../../src/store/text-input.ts";
import { anImage } from "../../support/protocol-values.ts";

const now = Date.parse("2026-11-22T00:00:00Z");

function filled(values: Readonly<Record<string, string>>): Form {
  const form = createForm("nginx", "");
  const typed = Object.entries(values).map(([field, value]) => [field, inputOf(value)] as const);
  return { ...form, inputs: { ...form.inputs, ...Object.fromEntries(typed) } };
}

it("names an image, or shows its id where it has no name", () => {
  expect(imageRow(anImage(), now)).toMatchObject({
    name: "nginx:latest",
    named: true,
    age: "48h".replace("48h", "2d"),
  });
  expect(imageRow(anImage({ references: [] }), now)).toMatchObject({ name: "0123456789ab", named: false });
  expect(imageRow(anImage({ references: ["a:1", "b:2"] }), now).otherNames).toBe(1);
});

it("splits a command as a shell does", () => {
  expect(splitWords(`sh -c 'echo "a b"; sleep 1'`)).toEqual(["sh", "-c", 'echo "a b"; sleep 1']);
  expect(splitWords(`a"b c"d\\ e "" 'x'y`)).toEqual(["ab cd e", "", "xy"]);
  expect(splitWords(`"say \\"hi\\""`)).toEqual(['say "hi"']);
  expect(splitWords("  ")).toEqual([]);
  expect(splitWords("it's")).toBeNull();
  expect(splitWords("tail\\")).toBeNull();
});

it("makes a request of the form, and the same as a command line", () => {
  const form = filled({
    name: "web",
    command: "nginx -g 'daemon off;'",
    ports: "8080:80, 127.0.0.1:53:53/udp",
    volumes: "/srv:/data:ro",
    environment: "A=1 B='two words'",
    memory: "256m",
    cpus: "0.5",
    pids: "100",
    network: "front",
    restart: "on-failure:3",
    health: "wget -q localhost",
  });
  const request = requestOf(form, "/");
  expect(request).toMatchObject({
    name: "web",
    image: "nginx",
    command: ["nginx", "-g", "daemon off;"],
    environment: ["A=1", "B=two words"],
    network: "front",
    resources: { memory: 256 * 1024 ** 2, nanoCpus: 5e8, pidsLimit: 100 },
    restartPolicy: { name: "on-failure", maximumRetryCount: 3 },
    healthcheck: { test: ["CMD-SHELL", "wget -q localhost"], interval: 0 },
  });
  expect(request.ports.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort}`)).toEqual([
    " 8080",
    "127.0.0.1 53",
  ]);
  expect(request.mounts).toMatchObject([{ source: "/srv", target: "/data", readOnly: true }]);
  expect(createTwin(form)).toBe(
    "gantry run -d --name web -p 8080:80 -p 127.0.0.1:53:53/udp -v /srv:/data:ro -e A=1 -e 'B=two words' --network front --memory 256m --cpus 0.5 --pids-limit 100 --restart on-failure:3 --health-cmd 'wget -q localhost' nginx nginx -g 'daemon off;'",
  );
  expect(requestOf(filled({}), "/")).not.toHaveProperty("command");
  expect(requestOf(filled({}), "/")).toMatchObject({ network: "bridge", healthcheck: null });
});

it("says which value of the form is wrong", () => {
  expect(() => requestOf(filled({ command: "echo 'a" }), "/")).toThrow("command: a quote is not closed");
  expect(() => requestOf(filled({ environment: "A" }), "/")).toThrow('environment: "A" is not NAME=value');
  expect(() => requestOf(filled({ ports: "99999:80" }), "/")).toThrow('invalid port "99999:80"');
  expect(() => requestOf(filled({ pids: "0" }), "/")).toThrow(/pids limit/);
});
