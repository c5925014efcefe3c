import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import type { ImageService } from "../images/image-service.ts";
import { findJson } from "../lib/json.ts";
import { formatPlatform, hostPlatform, isFitting, type Platform, parsePlatform } from "../oci/platform.ts";
import type { ApiCall } from "./api-call.ts";
import { ApiError } from "./api-error.ts";
import { text } from "./go-json.ts";

/** OCI's Platform, of which the version and features of an operating system are for others than Linux. */
const platformDocument = z.object({ architecture: text, os: text, variant: text });

/** An image here has one platform: fails with `not-found` where it is not that of the query parameter `platform`, if there is one. */
export async function requirePlatform(images: ImageService, image: string, call: ApiCall): Promise<void> {
  const wanted = platformOf(call);
  if (wanted === null) return;
  const { Os, Architecture, Variant } = await images.inspect(image);
  const made = parsePlatform([Os, Architecture, Variant].filter(Boolean).join("/"));
  if (formatPlatform(made) === formatPlatform(wanted)) return;
  throw new ApiError(
    404,
    `image ${image} was found but does not provide the specified platform (${formatPlatform(wanted)}): it is for ${formatPlatform(made)}`,
    "not-found",
  );
}

/** An archive is loaded whole: fails with `unimplemented` where images of another platform than this host's are wanted. */
export function requireHostPlatform(call: ApiCall): void {
  const wanted = platformOf(call);
  if (wanted === null || isFitting(wanted, hostPlatform())) return;
  throw new EngineError("unimplemented", "images of one platform cannot be chosen from an archive", {
    hint: "leave --platform out",
  });
}

/** Of `platform`, or of `platforms`, which is one as often as it is given. */
function platformOf(call: ApiCall): Platform | null {
  const given = [...call.query.getAll("platform"), ...call.query.getAll("platforms")].filter((value) => value !== "");
  const [first, ...others] = given;
  if (first === undefined) return null;
  if (others.length > 0)
    throw new EngineError("invalid-argument", "an image here has one platform, several are asked for");
  const parsed = platformDocument.safeParse(findJson(first));
  if (!parsed.success || parsed.data.architecture === "") {
    throw new EngineError("invalid-argument", `failed to parse platform ${JSON.stringify(first.slice(0, 200))}`);
  }
  const { os, architecture, variant } = parsed.data;
  return parsePlatform([os || "linux", architecture, variant].filter(Boolean).join("/"));
}
