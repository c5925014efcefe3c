import { ApiError } from "../api-error.ts";

type Asked = {
  /** As the client wrote it. */
  readonly image: string;
  /** docker's inspect JSON of it. */
  readonly inspect: () => Promise<Record<string, unknown>>;
};

/** Refuses, in docker's words, an image that is not for the platform asked for: `linux/amd64`, `linux/arm64/v8`, `linux`. Empty: any will do. */
export async function checkPlatform(platform: string, { image, inspect }: Asked): Promise<void> {
  if (platform === "") return;
  const [os = "", architecture, variant] = platform.toLowerCase().split("/");
  const { Os, Architecture, Variant } = await inspect();
  const fits =
    os === Os &&
    (architecture === undefined || normalize(architecture) === Architecture) &&
    (variant === undefined || !Variant || variant === Variant);
  if (fits) return;
  throw new ApiError(
    404,
    `image with reference ${image} was found but does not provide the specified platform (${platform.slice(0, 80)})`,
    "not-found",
  );
}

/** Other names of the same machines (containerd, platforms/database.go). */
function normalize(architecture: string): string {
  if (architecture === "x86_64" || architecture === "x86-64") return "amd64";
  if (architecture === "aarch64") return "arm64";
  return architecture === "i386" ? "386" : architecture;
}
