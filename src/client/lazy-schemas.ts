export type Schemas = typeof import("./schemas.ts");

let loaded: Schemas | null = null;
let loading: Promise<Schemas> | null = null;

/**
 * Building the schemas takes longer than all else a short command does before its request. So they are loaded while the engine
 * works on it; nothing of its answer is looked at before.
 */
export function loadSchemas(): Promise<Schemas> {
  loading ??= import("./schemas.ts").then((schemas) => {
    loaded = schemas;
    return schemas;
  });
  return loading;
}

/** Null until they are there. */
export function loadedSchemas(): Schemas | null {
  return loaded;
}
