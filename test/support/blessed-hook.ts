import { registerHooks } from "node:module";

const shim = new URL("../../src/components/charts/blessed-shim.cjs", import.meta.url).href;

/** Packages are loaded past vitest's aliases; import this before anything that draws charts. */
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "blessed" ? { url: shim, format: "commonjs", shortCircuit: true } : next(specifier, context),
});
