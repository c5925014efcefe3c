/** blessed-contrib's files that are used one by one; the package only describes its whole. */
declare module "blessed-contrib/lib/widget/charts/line.js" {
  const Line: import("./contrib.ts").WidgetConstructor;
  export default Line;
}
declare module "blessed-contrib/lib/widget/gauge.js" {
  const Gauge: import("./contrib.ts").WidgetConstructor;
  export default Gauge;
}
declare module "blessed-contrib/lib/widget/sparkline.js" {
  const Sparkline: import("./contrib.ts").SparklineConstructor;
  export default Sparkline;
}
declare module "drawille-canvas-blessed-contrib" {
  const canvas: { readonly Canvas: import("./contrib.ts").CanvasConstructor };
  export default canvas;
}
declare module "ansi-term" {
  const AnsiTerminal: unknown;
  export default AnsiTerminal;
}
