import type { MountRequest } from "../../engine/protocol/create-request.ts";

type Options = Partial<NonNullable<MountRequest["volume"]>>;

/** `-v name:/target` */
export function namedVolume(
  source: string,
  target: string,
  { readOnly = false, ...volume }: Options & { readonly readOnly?: boolean } = {},
): MountRequest {
  const options = { noCopy: false, subpath: "", driver: "", driverOptions: {}, labels: {}, ...volume };
  return { type: "volume", source, target, readOnly, createSource: true, options: [], volume: options };
}

/** `-v /target` */
export function anonymousVolume(target: string): MountRequest {
  return namedVolume("", target);
}
