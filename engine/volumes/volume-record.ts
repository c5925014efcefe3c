import * as z from "zod/mini";

const texts = z.record(z.string(), z.string());
const detail = z.object({ options: texts, labels: texts });

export type VolumeStatus = "making" | "ready" | "removing";

export type VolumeRecord = {
  readonly name: string;
  readonly driver: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly anonymous: boolean;
  /** making: its directory may not be there yet, and nobody was told of a success. */
  readonly status: VolumeStatus;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
};

/** That a container names a volume; see the table `volume_uses`. */
export type VolumeUse = {
  readonly container: string;
  readonly volume: string;
  readonly isNamed: boolean;
  readonly isMade: boolean;
  readonly isUnfilled: boolean;
  readonly isGoing: boolean;
};

export type VolumeRow = Readonly<Record<string, unknown>>;

/** Throws what zod or JSON say where the row was not written by this version. */
export function parseVolumeRow(row: VolumeRow): VolumeRecord {
  const { options, labels } = detail.parse(JSON.parse(String(row.detail)));
  const status = z.enum(["making", "ready", "removing"]).parse(row.status);
  return {
    name: String(row.name),
    driver: String(row.driver),
    createdAt: String(row.created_at),
    anonymous: row.anonymous === 1,
    status,
    options,
    labels,
  };
}

export function parseUseRow(row: VolumeRow): VolumeUse {
  return {
    container: String(row.container_id),
    volume: String(row.volume),
    isNamed: row.by_name === 1,
    isMade: row.made === 1,
    isUnfilled: row.unfilled === 1,
    isGoing: row.going === 1,
  };
}

export function formatDetail({ options, labels }: Pick<VolumeRecord, "options" | "labels">): string {
  return JSON.stringify({ options, labels });
}

/** With options of its driver it is something that has to be mounted. */
export function needsMount({ options }: Pick<VolumeRecord, "options">): boolean {
  return Object.keys(options).length > 0;
}
