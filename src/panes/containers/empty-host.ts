import { fitSpans } from "../../components/spans.ts";
import { emptyLine, type Line, line, type Span, span } from "../../theme/tokens.ts";

export type EmptyHost = {
  /** The image a new container would be made of, or null where there is none. */
  readonly image: string | null;
  /** True where there is the image that comes with Gantry: it may have been pruned. */
  readonly starter: boolean;
  /** The key that opens the form for one, or null. */
  readonly createKey: string | null;
  /** The key that asks what to pull, or null. */
  readonly pullKey: string | null;
  readonly mayChange: boolean;
  /** Rows there are to fill. */
  readonly rows: number;
};

/** What to do next on a host without containers; the plainest first, as many as there is room for. */
export function emptyHostLines({ image, starter, createKey, pullKey, mayChange, rows }: EmptyHost): readonly Line[] {
  const title = line(span("  No containers yet.", "strong"));
  if (!mayChange) return [emptyLine, title];
  const key = (name: string): Span[] => [span("press "), span(name, "key")];
  const ways: Line[] = [
    way([span("gantry demo", "accent")], "four small containers that move"),
    ...(image === null || createKey === null ? [] : [way(key(createKey), `a new container of ${image}, here`)]),
    ...(pullKey === null ? [] : [way(key(pullKey), "an image from a registry")]),
    ...(starter ? [way([span("gantry run -it gantry/busybox sh", "accent")], "a shell in a fresh container")] : []),
    way([span("gantry load IMAGES.tar", "accent")], "images that docker save or skopeo wrote"),
    way([span("gantry import ROOTFS.tar NAME", "accent")], "a root file system as an image"),
  ];
  if (rows <= ways.length) return [title, ...ways];
  return rows < ways.length + 3 ? [title, emptyLine, ...ways] : [emptyLine, title, emptyLine, ...ways];
}

function way(how: readonly Span[], what: string): Line {
  return line(span("  "), ...fitSpans(how, 36), span(what, "muted"));
}
