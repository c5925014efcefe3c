/**
 * Bundles to dist/:
 *   gantry.cjs      what bin/gantry starts: turns the compile cache on, then loads cli.cjs
 *   cli.cjs         the command line in one file, since each further module costs a millisecond at every start; CommonJS, since
 *                   an ES module loads what every verb needs at once, and Node's loader for them takes 5 ms
 *   cli.blob        what bin/gantry starts for the common verbs where it can: a start-up snapshot of them, with cli.node, the Node it
 *                   fits; see snapshot.mjs
 *   dashboard.mjs   the dashboard, loaded by cli.cjs
 *   engine.mjs      the engine; *-worker.mjs its worker threads
 * koffi stays outside, since it finds its native library beside itself.
 */
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { hotVerbs } from "../src/cli/hot-verbs.ts";
import { makeSnapshot } from "./snapshot.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(home, "dist");
const fresh = join(home, "dist", ".fresh");

/** Ink reaches for the devtools, an optional peer, only with DEV=true; without a stub the bundle would not link. */
const withoutDevtools = {
  name: "without-devtools",
  setup(context) {
    context.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "devtools", namespace: "stub" }));
    context.onLoad({ filter: /.*/, namespace: "stub" }, () => ({ contents: "export default {}" }));
  },
};

/** blessed itself is not bundled: its charts only need a node to hang on (see src/components/charts). */
const withBlessedShim = {
  name: "blessed-shim",
  setup(context) {
    const shim = join(home, "src/components/charts/blessed-shim.cjs");
    context.onResolve({ filter: /^blessed$/ }, () => ({ path: shim }));
  },
};

/** `new Buffer()` prints a deprecation onto the screen once it no longer lies in node_modules. */
const withoutOldBuffer = {
  name: "without-old-buffer",
  setup(context) {
    context.onLoad({ filter: /drawille-(canvas-)?blessed-contrib\/.*\.js$/ }, (file) => ({
      contents: readFileSync(file.path, "utf8").replaceAll("new Buffer(", "Buffer.alloc("),
      loader: "js",
    }));
  },
};

/** Ink measures every cell of a frame by string-width; ours answers the common cases at once and remembers the others. */
const withFastWidth = {
  name: "fast-width",
  setup(context) {
    const wrapper = join(home, "src/components/string-width.ts");
    context.onResolve({ filter: /^string-width$/ }, (request) =>
      request.importer === wrapper ? undefined : { path: wrapper },
    );
  },
};

/** Ink's Output takes each text of each frame apart cell by cell; ours keeps rows whole. A test compares the two. */
const withFastOutput = {
  name: "fast-output",
  setup(context) {
    const own = join(home, "src/components/ink-output.ts");
    context.onResolve({ filter: /^\.\/output\.js$/ }, (request) =>
      /\/ink\/build\/renderer\.js$/.test(request.importer) ? { path: own } : undefined,
    );
  },
};

/** The dashboard is a bundle of its own: a script that calls `gantry ps` must not pay for Ink. */
const withDashboardApart = {
  name: "dashboard-apart",
  setup(context) {
    context.onResolve({ filter: /^\.\.\/main\.tsx$/ }, () => ({ path: "./dashboard.mjs", external: true }));
  },
};

/** The snapshot leaves the other verbs to the program that has them all. */
const withoutColdVerbs = {
  name: "without-cold-verbs",
  setup(context) {
    context.onResolve({ filter: /^\.\/commands\/.*\.ts$/ }, ({ path }) =>
      hotVerbs.has(basename(path, ".ts")) ? undefined : { path, namespace: "cold" },
    );
    context.onLoad({ filter: /.*/, namespace: "cold" }, () => ({ contents: "export {}" }));
  },
};

const shared = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  external: ["koffi", "@lydell/node-pty"],
  define: { "process.env.NODE_ENV": '"production"', "process.env.DEV": '"false"' },
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
  outdir: fresh,
};

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const workers = globSync("engine/**/*-worker.ts", { cwd: home }).map((path) => join(home, path));
const workerEntries = Object.fromEntries(workers.map((path) => [basename(path, ".ts"), path]));
await Promise.all([
  build({
    ...shared,
    entryPoints: { cli: join(home, "src/cli/main.ts") },
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    banner: { js: 'const __bundleURL = require("node:url").pathToFileURL(__filename).href;' },
    define: { ...shared.define, "import.meta.url": "__bundleURL" },
    plugins: [withDashboardApart, withFastWidth],
  }),
  build({
    ...shared,
    entryPoints: { "snapshot/snapshot": join(home, "src/cli/snapshot.ts") },
    format: "cjs",
    minify: true,
    outExtension: { ".js": ".cjs" },
    // Where we are is known when the snapshot comes to life. Node's own modules are asked for without a word about snapshots.
    banner: {
      js: `require = process.getBuiltinModule; const __bundle = { get url() { return require("node:url").pathToFileURL(process.argv[1]).href } };`,
    },
    define: { ...shared.define, "import.meta.url": "__bundle.url" },
    plugins: [withDashboardApart, withoutColdVerbs, withFastWidth],
  }),
  build({
    ...shared,
    entryPoints: { dashboard: join(home, "src/main.tsx") },
    jsx: "automatic",
    plugins: [withoutDevtools, withBlessedShim, withoutOldBuffer, withFastWidth, withFastOutput],
  }),
  build({ ...shared, entryPoints: { engine: join(home, "engine/main.ts"), ...workerEntries } }),
]);
writeFileSync(
  join(fresh, "gantry.cjs"),
  // The cache lies beside the program, never in a shared directory: it holds code.
  'require("node:module").enableCompileCache(require("node:path").join(__dirname, ".cache"));\nrequire("./cli.cjs");\n',
);

// A running gantry may load a chunk at any time, so the old ones go only after the new ones are there.
const names = globSync("*.{mjs,cjs}", { cwd: fresh });
for (const name of names) renameSync(join(fresh, name), join(dist, name));
for (const name of globSync("*.{mjs,cjs}", { cwd: dist })) if (!names.includes(name)) rmSync(join(dist, name));
await makeSnapshot(join(fresh, "snapshot/snapshot.cjs"), fresh, dist);
rmSync(fresh, { recursive: true });
