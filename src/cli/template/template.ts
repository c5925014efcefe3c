import { UsageError } from "../parse/usage-error.ts";
import { formatValue, functions, isTruthy, member } from "./functions.ts";
import { type Expression, type Node, parseTemplate } from "./parser.ts";

export type RenderOptions = {
  /** A first name that the data lacks is the user's mistake, and not just an absent value. */
  readonly strict?: boolean;
  /**
   * The same of further names, as far as they come after each other from the data, but not of names in a map with keys of anyone's
   * choice: its field's name is given here.
   */
  readonly freeMaps?: ReadonlySet<string>;
  /** What stands for null, by the name of the field: Go's empty lists, maps and pointers look different. */
  readonly nulls?: ReadonlyMap<string, string>;
};

/** `break` and `continue` on their way to their range, with what was printed before. */
type Jump = { readonly kind: "break" | "continue"; printed: string };

/** Variables by name; `$` is the data itself. */
type Scope = { readonly dot: unknown; readonly variables: Map<string, unknown> };

/**
 * Compiles a Go template (`{{.Names}}`, `{{json .}}`, `{{range .Mounts}}…{{end}}`) to a function from data to text. Fails with a
 * UsageError for what is no template, then or when it is used.
 */
export function compileTemplate(template: string, options: RenderOptions = {}): (data: unknown) => string {
  const nodes = parseTemplate(template);
  return (data) => {
    const renderer = new Renderer(data, options, template);
    return renderer.render(nodes, { dot: data, variables: new Map([["$", data]]) });
  };
}

class Renderer {
  readonly #data: unknown;
  readonly #options: RenderOptions;
  readonly #template: string;

  constructor(data: unknown, options: RenderOptions, template: string) {
    this.#data = data;
    this.#options = options;
    this.#template = template;
  }

  render(nodes: readonly Node[], scope: Scope): string {
    let printed = "";
    for (const node of nodes) {
      try {
        printed += this.#renderNode(node, scope);
      } catch (jump) {
        if (isJump(jump)) jump.printed = printed + jump.printed;
        throw jump;
      }
    }
    return printed;
  }

  #renderNode(node: Node, scope: Scope): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "print":
        return this.#print(node.value, scope);
      case "break":
      case "continue":
        throw { kind: node.kind, printed: "" } satisfies Jump;
      case "assign":
        scope.variables.set(node.name, this.#evaluate(node.value, scope));
        return "";
      case "range":
        return this.#renderRange(node, scope);
      case "if":
      case "with": {
        const value = this.#evaluate(node.value, scope);
        const dot = node.kind === "with" && isTruthy(value) ? value : scope.dot;
        const variables = new Map(scope.variables);
        if (node.variable !== "") variables.set(node.variable, value);
        return this.render(isTruthy(value) ? node.body : node.otherwise, { dot, variables });
      }
    }
  }

  #renderRange(node: Extract<Node, { kind: "range" }>, scope: Scope): string {
    const entries = entriesOf(this.#evaluate(node.value, scope));
    if (entries.length === 0) return this.render(node.otherwise, scope);
    let printed = "";
    for (const entry of entries) {
      const { text, isLast } = this.#renderEntry(node, entry, scope);
      printed += text;
      if (isLast) break;
    }
    return printed;
  }

  #renderEntry(
    { variables: [first, second], body }: Extract<Node, { kind: "range" }>,
    [key, value]: readonly [unknown, unknown],
    scope: Scope,
  ): { readonly text: string; readonly isLast: boolean } {
    const variables = new Map(scope.variables);
    if (second !== undefined) variables.set(second, value);
    if (first !== undefined) variables.set(first, second === undefined ? value : key);
    try {
      return { text: this.render(body, { dot: value, variables }), isLast: false };
    } catch (jump) {
      if (isJump(jump)) return { text: jump.printed, isLast: jump.kind === "break" };
      throw jump;
    }
  }

  #print(expression: Expression, scope: Scope): string {
    const value = this.#evaluate(expression, scope);
    const name = expression.kind === "path" ? (expression.names.at(-1) ?? "") : "";
    return (value === null ? this.#options.nulls?.get(name) : undefined) ?? formatValue(value);
  }

  #evaluate(expression: Expression, scope: Scope): unknown {
    if (expression.kind === "literal") return expression.value;
    if (expression.kind === "path") return this.#follow(expression.root, expression.names, scope);
    if (expression.kind === "field") return expression.names.reduce(member, this.#evaluate(expression.of, scope));
    if (expression.kind === "method") return this.#callField(expression, scope);
    const call = Object.hasOwn(functions, expression.name) ? functions[expression.name] : undefined;
    if (call === undefined)
      throw new UsageError(`template "${this.#template}": unknown function ${expression.name}`, 1);
    return call(...expression.args.map((arg) => this.#evaluate(arg, scope)));
  }

  #callField(expression: Extract<Expression, { kind: "method" }>, scope: Scope): unknown {
    const field = this.#evaluate(expression.of, scope);
    if (typeof field === "function") return field(...expression.args.map((arg) => this.#evaluate(arg, scope)));
    throw new UsageError(`template "${this.#template}": a field that is no function takes no arguments`, 1);
  }

  #follow(root: string, names: readonly string[], scope: Scope): unknown {
    if (root !== "" && !scope.variables.has(root)) {
      throw new UsageError(`template "${this.#template}": unknown variable ${root}`, 1);
    }
    const start = root === "" ? scope.dot : scope.variables.get(root);
    let value = start;
    for (const [index, name] of names.entries()) {
      const next = member(value, name);
      if (next === undefined && start === this.#data) this.#checkMissing(names.slice(0, index + 1));
      value = next;
    }
    return value;
  }

  /** `names` lead from the data to what is not there. */
  #checkMissing(names: readonly string[]): void {
    const { strict = false, freeMaps } = this.#options;
    const isKnown = names.length > 1 && names.slice(0, -1).some((name) => freeMaps?.has(name) ?? true);
    if (!strict || isKnown) return;
    throw new UsageError(`template "${this.#template}": there is no field .${names.join(".")}`, 1);
  }
}

function isJump(thrown: unknown): thrown is Jump {
  return typeof thrown === "object" && thrown !== null && "printed" in thrown;
}

/** Lists in order, maps by key as Go does. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
