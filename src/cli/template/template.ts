import { UsageError } from "../parse/usage-error.ts";
import { formatValue, functions, isTruthy, member } from "./functions.ts";
import { type Expression, type Node, parseTemplate } from "./parser.ts";

export type RenderOptions = {
  /** A first name that the data lacks is the user's mistake, and not just an absent value. */
  readonly strict?: boolean;
};

/** Variables by name; `$` is the data itself. */
type Scope = { readonly dot: unknown; readonly variables: Map<string, unknown> };

/**
 * Compiles a Go template (`{{.Names}}`, `{{json .}}`, `{{range .Mounts}}…{{end}}`) to a function from data to text. Fails with a
 * UsageError for what is no template, then or when it is used.
 */
export function compileTemplate(template: string, options: RenderOptions = {}): (data: unknown) => string {
  const nodes = parseTemplate(template);
  return (data) => {
    const renderer = new Renderer(data, options.strict ?? false, template);
    return renderer.render(nodes, { dot: data, variables: new Map([["$", data]]) });
  };
}

class Renderer {
  readonly #data: unknown;
  readonly #strict: boolean;
  readonly #template: string;

  constructor(data: unknown, strict: boolean, template: string) {
    this.#data = data;
    this.#strict = strict;
    this.#template = template;
  }

  render(nodes: readonly Node[], scope: Scope): string {
    return nodes.map((node) => this.#renderNode(node, scope)).join("");
  }

  #renderNode(node: Node, scope: Scope): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "print":
        return formatValue(this.#evaluate(node.value, scope));
      case "assign":
        scope.variables.set(node.name, this.#evaluate(node.value, scope));
        return "";
      case "range":
        return this.#renderRange(node, scope);
      case "if":
      case "with": {
        const value = this.#evaluate(node.value, scope);
        const dot = node.kind === "with" && isTruthy(value) ? value : scope.dot;
        return this.render(isTruthy(value) ? node.body : node.otherwise, { dot, variables: new Map(scope.variables) });
      }
    }
  }

  #renderRange(node: Extract<Node, { kind: "range" }>, scope: Scope): string {
    const entries = entriesOf(this.#evaluate(node.value, scope));
    if (entries.length === 0) return this.render(node.otherwise, scope);
    const [first, second] = node.variables;
    return entries
      .map(([key, value]) => {
        const variables = new Map(scope.variables);
        if (second !== undefined) variables.set(second, value);
        if (first !== undefined) variables.set(first, second === undefined ? value : key);
        return this.render(node.body, { dot: value, variables });
      })
      .join("");
  }

  #evaluate(expression: Expression, scope: Scope): unknown {
    if (expression.kind === "literal") return expression.value;
    if (expression.kind === "path") return this.#follow(expression.root, expression.names, scope);
    if (expression.kind === "field") return expression.names.reduce(member, this.#evaluate(expression.of, scope));
    const call = Object.hasOwn(functions, expression.name) ? functions[expression.name] : undefined;
    if (call === undefined) throw new UsageError(`template "${this.#template}": unknown function ${expression.name}`);
    return call(...expression.args.map((arg) => this.#evaluate(arg, scope)));
  }

  #follow(root: string, names: readonly string[], scope: Scope): unknown {
    if (root !== "" && !scope.variables.has(root)) {
      throw new UsageError(`template "${this.#template}": unknown variable ${root}`);
    }
    let value = root === "" ? scope.dot : scope.variables.get(root);
    for (const name of names) {
      const next = member(value, name);
      if (next === undefined && this.#strict && value === this.#data) {
        throw new UsageError(`template "${this.#template}": there is no field .${name}`);
      }
      value = next;
    }
    return value;
  }
}

/** Lists in order, maps by key as Go does. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
