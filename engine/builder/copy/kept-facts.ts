import { attributeNamesOf, attributeValueOf } from "../../host/tree-calls.ts";
import { isLayerAttribute } from "../../layers/overlay-marks.ts";
import type { BytePath } from "../../lib/byte-path.ts";
import type { CopyWish, SourceTree } from "./file-copier.ts";

/** What of a source's files is copied beside names, modes and contents. */
export type KeptFacts = {
  readonly owners: boolean;
  /** What a program may do (security.capability). docker loses it of files of a context, since it makes them root's after it set it. */
  readonly capabilities: boolean;
};

export function keptFacts(tree: SourceTree | null, wish: CopyWish): KeptFacts {
  const isImage = tree?.keepsOwners === true;
  return { owners: isImage && wish.chown === null, capabilities: isImage };
}

/** The extended attributes of an open file that are copied, by name. */
export function attributesOf(fd: number, { capabilities }: KeptFacts): [name: BytePath, value: Buffer][] {
  const names = attributeNamesOf(fd);
  if (names.length === 0) return [];
  const kept = names.filter((name) => isLayerAttribute(name) && (capabilities || name !== "security.capability"));
  return kept.flatMap((name): [BytePath, Buffer][] => {
    const value = attributeValueOf(fd, name);
    return value === null ? [] : [[name, value]];
  });
}
