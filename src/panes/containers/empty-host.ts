import { emptyLine, type Line, line, span } from "../../theme/tokens.ts";

/** What to do next on a host without containers. */
export function emptyHostLines(hasImages: boolean, mayChange: boolean): readonly Line[] {
  const first = line(span("  No containers yet.", "strong"));
  if (!mayChange) return [emptyLine, first];
  const command = (text: string, what: string) =>
    line(span("  "), span(text.padEnd(36), "accent"), span(what, "muted"));
  const form: Line[] = hasImages
    ? [line(span("  "), span("2 n".padEnd(36), "key"), span("a new container from the selected image, here", "muted"))]
    : [];
  return [
    emptyLine,
    first,
    emptyLine,
    ...form,
    command("gantry demo", "four small containers that move"),
    command("gantry run -it gantry/busybox sh", "a shell in a fresh container"),
    command("gantry load IMAGES.tar", "images that docker save or skopeo wrote"),
    command("gantry import ROOTFS.tar NAME", "a root file system as an image"),
  ];
}
