import { renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { migrations } from "../../engine/database/schema.ts";

type Row = Record<string, string | number | null>;

/** What version 2 wrote into a container's row: later fields were not there. */
const olderFields = {
  request:
    "name image command entrypoint environment workingDirectory user groupAdd hostname terminal openStdin stdinOnce mounts ports publishAll expose network dns dnsSearch dnsOptions extraHosts labels restartPolicy autoRemove init readOnlyRootfs privileged capAdd capDrop noNewPrivileges seccomp ulimits devices resources sysctls shmSize oomScoreAdj stopSignal stopTimeout",
  resources: "memory memorySwap memoryReservation nanoCpus cpuShares cpusetCpus pidsLimit",
  resolution:
    "chain image args entrypointLength environment workingDirectory user hostname labels ports exposedPorts volumes stopSignal",
  state: "status pid conmonPid startedAt finishedAt exitCode oomKilled error restartCount stoppedByHand bootID frozen",
};

/** A database of version 2, the last before networks and volumes: its tables and nothing in them. */
export function createOlderDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; ${migrations[0]}; ${migrations[1]}; PRAGMA user_version = 2`);
  return database;
}

/** Makes of a database of today, whose engine is stopped, what an engine of version 2 would have left of the same containers. */
export function downgrade(path: string): void {
  const now = new DatabaseSync(path);
  const older = createOlderDatabase(`${path}.older`);
  const all = (sql: string) => now.prepare(sql).all() as Row[];
  const put = (table: string, rows: readonly Row[]) => {
    for (const row of rows) {
      const marks = Object.keys(row).map(() => "?");
      older.prepare(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${marks})`).run(...Object.values(row));
    }
  };
  for (const table of ["images", "image_layers", "image_references", "image_digests"])
    put(table, all(`SELECT * FROM ${table}`));
  put("containers", all("SELECT id, name, image_id, created_at, request, state FROM containers").map(olderContainer));
  put(
    "endpoints",
    all(`SELECT s.container_id, CASE json_extract(s.detail, '$.mode') WHEN 'networks' THEN 'bridge' ELSE json_extract(s.detail, '$.mode') END AS network,
         e.ipv4_address AS ip_address, json_object('token', s.token, 'ports', json_extract(s.detail, '$.ports')) AS detail
         FROM sandboxes s LEFT JOIN network_endpoints e USING (container_id)`),
  );
  put(
    "published_ports",
    all("SELECT protocol, host_address, host_port, container_id, container_port FROM published_ports"),
  );
  put("settings", all("SELECT * FROM settings"));
  const subnet =
    all("SELECT json_extract(detail, '$.subnets[0].subnet') AS value FROM networks WHERE name = 'bridge'")[0]?.value ??
    "";
  older.prepare("INSERT OR REPLACE INTO settings VALUES ('network.subnet', ?)").run(subnet);
  now.close();
  older.close();
  for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
  renameSync(`${path}.older`, path);
}

function olderContainer(row: Row): Row {
  const { request, resolution } = JSON.parse(String(row.request));
  const older = pick(request, olderFields.request);
  const resources = pick(request.resources, olderFields.resources);
  return {
    ...row,
    request: JSON.stringify({ request: { ...older, resources }, resolution: pick(resolution, olderFields.resolution) }),
    state: JSON.stringify(pick(JSON.parse(String(row.state)), olderFields.state)),
  };
}

function pick(value: Record<string, unknown>, names: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.split(" ").includes(name)));
}
