/**
 * URL of a worker's entry file beside the module that starts it: the .ts source when run from source, the .mjs bundle of the
 * same name when run from dist. `importer` is import.meta.url.
 */
export function workerURL(importer: string, name: string): URL {
  const extension = importer.endsWith(".ts") ? "ts" : "mjs";
  return new URL(`./${name}.${extension}`, importer);
}
