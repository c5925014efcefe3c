import { describe, expect, it } from "vitest";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import type { ImageSummary } from "../../../engine/protocol/images.ts";
import { containerFields, containerListing, withReason } from "../../../src/cli/container-fields.ts";
import { containerFilterKeys, filterContainers } from "../../../src/cli/container-filters.ts";
import { parseFilters } from "../../../src/cli/filters.ts";
import { imageFields, imageListing } from "../../../src/cli/image-fields.ts";
import { filterImages, imageFilterKeys } from "../../../src/cli/image-filters.ts";
import { renderListing } from "../../../src/cli/listing.ts";

const now = Date.parse("2026-11-22T05:00:00Z");

function containerOf(fields: Partial<ContainerSummary>): ContainerSummary {
  return {
    id: "04c6e195a74c34eaa5db06b7ceb23e4f692693be5bb4ff299b6c364a6efbabed",
    name: "web",
    image: "gantry/busybox",
    imageID: `sha256:${"7".repeat(64)}`,
    command: ["sleep", "1000000000000000"],
    createdAt: "2026-11-22T03:00:00Z",
    startedAt: "2026-11-22T04:00:00Z",
    finishedAt: null,
    status: "running",
    health: "none",
    exitCode: null,
    oomKilled: false,
    stopDeadline: null,
    error: "",
    pid: 1,
    ports: [{ hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    network: "bridge",
    ipAddress: null,
    endpoints: [],
    mounts: [],
    labels: { tier: "db" },
    terminal: false,
    openStdin: false,
    autoRemove: false,
    restartPolicy: { name: "no", maximumRetryCount: 0 },
    restartCount: 0,
    resources: unlimited,
    ...fields,
  };
}

const image: ImageSummary = {
  id: `sha256:${"7".repeat(64)}`,
  references: ["gantry/busybox:latest", "localhost:5000/box:1"],
  createdAt: "2026-11-20T05:00:00Z",
  size: 1_980_000,
  sharedSize: 0,
  layerCount: 1,
  containers: [],
  labels: {},
  architecture: "amd64",
  os: "linux",
  command: [],
  exposedPorts: [],
  digests: [],
};

const fieldsOf = (container: ContainerSummary, truncate = true) =>
  containerFields(container, { now, truncate, size: null });

describe("renderListing", () => {
  const stopped = containerOf({
    name: "job",
    status: "exited",
    exitCode: 1,
    finishedAt: "2026-11-22T04:59:00Z",
    ports: [],
  });
  const items = [fieldsOf(containerOf({})), fieldsOf(stopped)];

  it("aligns docker's table", async () => {
    expect(await renderListing(items, containerListing, {})).toBe(
      [
        "CONTAINER ID   IMAGE            COMMAND                  CREATED       STATUS                          PORTS                  NAMES",
        '04c6e195a74c   gantry/busybox   "sleep 1000000000000…"   2 hours ago   Up About an hour                0.0.0.0:8080->80/tcp   web',
        '04c6e195a74c   gantry/busybox   "sleep 1000000000000…"   2 hours ago   Exited (1) About a minute ago                          job',
      ].join("\n"),
    );
  });

  it("prints ids, JSON lines, templates and tables of one's own", async () => {
    expect(await renderListing(items, containerListing, { quiet: true })).toBe("04c6e195a74c\n04c6e195a74c");
    const [first = ""] = (await renderListing(items, containerListing, { format: "json" })).split("\n");
    expect(JSON.parse(first)).toMatchObject({ Names: "web", State: "running", Labels: "tier=db" });
    expect(await renderListing(items, containerListing, { format: "{{.Names}}\\t{{.State}}" })).toBe(
      "web\trunning\njob\texited",
    );
    expect(await renderListing(items, containerListing, { format: "table {{.Names}}\\t{{.State}}" })).toBe(
      "NAMES     STATE\nweb       running\njob       exited",
    );
  });

  it("lets no escape sequence through", async () => {
    const hostile = fieldsOf(containerOf({ image: "a\x1b[2Jb\x9b1mc", labels: { x: "\x1b]0;t\x07" } }), false);
    const outputs = await Promise.all(
      [{}, { format: "json" }, { format: "{{json .}}" }, { format: "{{.Image}} {{.Labels}}" }].map((options) =>
        renderListing([hostile], containerListing, options),
      ),
    );
    for (const output of outputs) expect(output).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });
});

describe("containers", () => {
  it("show networks, mounts and volumes as docker does", () => {
    const mount = { target: "/d", readOnly: false };
    const endpoint = { networkID: "b9e6", ipAddress: null, ipv6Address: null, macAddress: null, aliases: [] };
    const container = containerOf({
      network: "back",
      endpoints: [
        { ...endpoint, network: "back" },
        { ...endpoint, network: "front" },
      ],
      mounts: [
        { ...mount, type: "volume", source: "/var/lib/x", name: "data" },
        { ...mount, type: "bind", source: "/etc/a-rather-long-path" },
        { ...mount, type: "tmpfs", source: "" },
      ],
    });
    expect(fieldsOf(container)).toMatchObject({
      Networks: "back,front",
      Mounts: "data,/etc/a-rather-…,tmpfs",
      LocalVolumes: "1",
    });
    expect(fieldsOf(containerOf({ network: "host" })).Networks).toBe("host");
    expect(fieldsOf(containerOf({ network: "container:db" })).Networks).toBe("");
  });

  it("show ports open to the world, to this host, and to other containers alone", () => {
    const ports = [
      { hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" as const },
      { hostAddress: "::", hostPort: 8080, containerPort: 80, protocol: "tcp" as const },
      { hostAddress: "127.0.0.1", hostPort: 8081, containerPort: 81, protocol: "tcp" as const },
    ];
    const exposedPorts = ["80/tcp", "7001/tcp", "7000/tcp", "53/udp"];
    expect(fieldsOf(containerOf({ ports, exposedPorts })).Ports).toBe(
      "7000-7001/tcp, 53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:8081->81/tcp",
    );
    expect(fieldsOf(containerOf({ ports: [], exposedPorts, status: "exited" })).Ports).toBe("");
  });

  it("say in the table why they ended, and elsewhere in docker's words alone", () => {
    const killed = containerOf({
      status: "exited",
      exitCode: 137,
      finishedAt: "2026-11-22T04:59:00Z",
      reason: "out of memory: its limit is 32 MB",
    });
    expect(fieldsOf(killed).Status).toBe("Exited (137) About a minute ago");
    expect(withReason(fieldsOf(killed)).Status).toBe(
      "Exited (137) About a minute ago (out of memory: its limit is 32 MB)",
    );
    const failed = { ...killed, exitCode: 3, reason: "exit code 3: boom" };
    expect(withReason(fieldsOf(failed)).Status).toBe("Exited (3) About a minute ago (boom)");
    expect(withReason(fieldsOf({ ...failed, reason: "exit code 3" })).Status).toBe("Exited (3) About a minute ago");
    expect(withReason(fieldsOf(containerOf({ health: "healthy" }))).Status).toBe("Up About an hour (healthy)");
    const unborn = containerOf({ status: "created", error: "exec nope: not found" });
    expect(withReason(fieldsOf(unborn)).Status).toBe("Created (exec nope: not found)");
  });
});

describe("filterContainers", () => {
  const web = containerOf({});
  const job = containerOf({
    id: "ff00",
    name: "job-1",
    status: "exited",
    exitCode: 2,
    labels: {},
    createdAt: "2026-11-22T04:00:00Z",
    exposedPorts: ["9001/tcp"],
    mounts: [{ type: "volume", name: "data", source: "/x", target: "/d", readOnly: false }],
    endpoints: [
      { networkID: "b9e6f0", network: "back", ipAddress: null, ipv6Address: null, macAddress: null, aliases: [] },
    ],
  });
  const names = (...texts: string[]) =>
    filterContainers([web, job], [image], parseFilters(texts, containerFilterKeys)).map(({ name }) => name);

  it.each([
    [["name=^/web$"], ["web"]],
    [["name=o"], ["job-1"]],
    [["id=ff"], ["job-1"]],
    [
      ["status=exited", "status=running"],
      ["web", "job-1"],
    ],
    [["exited=2"], ["job-1"]],
    [["exited=0"], []],
    [["label=tier"], ["web"]],
    [["label=tier=web"], []],
    [["label=tier", "status=exited"], []],
    [["ancestor=gantry/busybox:latest"], ["web", "job-1"]],
    [["ancestor=other"], []],
    [["publish=8080"], ["web", "job-1"]],
    [["publish=80"], []],
    [["publish=8000-8100/tcp"], ["web", "job-1"]],
    [["publish=8080/udp"], []],
    [["expose=80"], ["web", "job-1"]],
    [["expose=9000-9010"], ["job-1"]],
    [["network=back"], ["job-1"]],
    [["network=b9e6"], ["job-1"]],
    [["volume=data"], ["job-1"]],
    [["volume=/d"], ["job-1"]],
    [["is-task=false"], ["web", "job-1"]],
    [["is-task=true"], []],
    [["before=job-1"], ["web"]],
    [["since=web"], ["job-1"]],
  ])("%j", (texts, expected) => {
    expect(names(...texts)).toEqual(expected);
  });

  it("refuses what it does not know", () => {
    expect(() => names("colour=red")).toThrow('invalid filter "colour=red"');
    expect(() => names("name")).toThrow("invalid filter");
    expect(() => names("before=nobody")).toThrow("container nobody not found");
    expect(() => names("is-task=x")).toThrow("want true or false");
    expect(() => names("publish=web")).toThrow("want port[-port][/protocol]");
    expect(() => names("name=(")).toThrow("not a regular expression");
  });
});

describe("images", () => {
  it("have a row for each name", () => {
    const rows = imageFields(image, { now, truncate: true });
    expect(
      rows.map(({ Repository, Tag, ID, Size, CreatedSince }) => [Repository, Tag, ID, Size, CreatedSince]),
    ).toEqual([
      ["gantry/busybox", "latest", "777777777777", "1.98MB", "2 days ago"],
      ["localhost:5000/box", "1", "777777777777", "1.98MB", "2 days ago"],
    ]);
    expect(imageFields({ ...image, references: [] }, { now, truncate: true })[0]).toMatchObject({
      Repository: "<none>",
    });
    expect(imageListing.columns).toHaveLength(5);
  });

  it.each([
    ["reference=busybox", []],
    ["reference=gantry/*", ["gantry/busybox:latest"]],
    ["reference=*/box:1", ["localhost:5000/box:1"]],
    ["reference=nope", []],
    ["dangling=false", image.references],
    ["dangling=true", []],
  ])("pass %s", (text, expected) => {
    const passing = filterImages([image], parseFilters([text], imageFilterKeys));
    expect(passing.flatMap(({ references }) => references)).toEqual(expected);
    expect(passing).toHaveLength(Math.min(expected.length, 1));
  });
});
