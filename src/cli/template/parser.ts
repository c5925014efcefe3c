import { UsageError } from "../parse/usage-error.ts";
import { type Piece, splitTemplate } from "./lexer.ts";

/** What yields a value. Commands of a pipeline get the value before them as their last argument. */
export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  /** `root`: empty for the dot, `$` or `$name` for a variable. */
  | { readonly kind: "path"; readonly root: string; readonly names: readonly string[] }
  | { readonly kind: "field"; readonly of: Expression; readonly names: readonly string[] }
  /** `.Label "key"`: a field that is a function. */
  | { readonly kind: "method"; readonly of: Expression; readonly args: readonly Expression[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expression }
  | { readonly kind: "break" | "continue" }
  | {
      readonly kind: "if" | "with";
      /** `if $x := …`; empty: none. */
      readonly variable: string;
      readonly value: Expression;
      readonly body: Node[];
      readonly otherwise: Node[];
    }
  | {
      readonly kind: "range";
      readonly variables: readonly string[];
      readonly value: Expression;
      readonly body: Node[];
      readonly otherwise: Node[];
    };

/** Reads the part of Go's text/template that command lines use. Fails with a UsageError. */
export function parseTemplate(template: string): Node[] {
  const pieces = splitTemplate(template);
  const reader = new BlockReader(pieces, template);
  const { nodes, stop } = reader.readBlock();
  if (stop !== "") throw new UsageError(`template "${template}": unexpected {{${stop}}}`, 1);
  return nodes;
}

class BlockReader {
  readonly #pieces: readonly Piece[];
  readonly #template: string;
  #position = 0;

  constructor(pieces: readonly Piece[], template: string) {
    this.#pieces = pieces;
    this.#template = template;
  }

  /** Reads to the end of the template, or to an `end` or `else`, which `stop` names; `rest` is what follows `else`. */
  readBlock(): { nodes: Node[]; stop: string; rest: readonly string[] } {
    const nodes: Node[] = [];
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      if (piece.kind === "text") nodes.push(piece);
      else {
        const [word = "", ...rest] = piece.tokens;
        if (word === "end" || word === "else") return { nodes, stop: word, rest };
        nodes.push(this.#readAction(word, rest, piece.tokens));
      }
    }
    return { nodes, stop: "", rest: [] };
  }

  #next(): Piece | undefined {
    return this.#pieces[this.#position++];
  }

  #readAction(word: string, rest: readonly string[], tokens: readonly string[]): Node {
    if (word === "if" || word === "with") return this.#readCondition(word, rest);
    if (word === "break" || word === "continue") return { kind: word };
    if (word === "range") {
      const { variables, value } = splitAssignment(rest);
      return { kind: "range", variables, value: this.#expression(value), ...this.#readBodies(word) };
    }
    const { variables, value } = splitAssignment(tokens);
    const [name] = variables;
    if (name !== undefined) return { kind: "assign", name, value: this.#expression(value) };
    return { kind: "print", value: this.#expression(tokens) };
  }

  #readCondition(word: "if" | "with", tokens: readonly string[]): Node {
    const { variables, value } = splitAssignment(tokens);
    return { kind: word, variable: variables[0] ?? "", value: this.#expression(value), ...this.#readBodies(word) };
  }

  #readBodies(word: string): { body: Node[]; otherwise: Node[] } {
    const { nodes: body, stop, rest } = this.readBlock();
    if (stop === "") throw new UsageError(`template "${this.#template}": {{${word}}} has no {{end}}`, 1);
    if (stop === "end") return { body, otherwise: [] };
    const [next, ...condition] = rest;
    if (next === "if" || next === "with") return { body, otherwise: [this.#readCondition(next, condition)] };
    const { nodes: otherwise, stop: last } = this.readBlock();
    if (last !== "end") throw new UsageError(`template "${this.#template}": {{else}} has no {{end}}`, 1);
    return { body, otherwise };
  }

  #expression(tokens: readonly string[]): Expression {
    const parser = new ExpressionParser(tokens, this.#template);
    return parser.parse();
  }
}

/** `$a, $b := value` */
function splitAssignment(tokens: readonly string[]): { variables: string[]; value: readonly string[] } {
  const sign = tokens.findIndex((token) => token === ":=" || token === "=");
  if (sign === -1) return { variables: [], value: tokens };
  return { variables: tokens.slice(0, sign).filter((token) => token !== ","), value: tokens.slice(sign + 1) };
}

class ExpressionParser {
  readonly #tokens: readonly string[];
  readonly #template: string;
  #position = 0;

  constructor(tokens: readonly string[], template: string) {
    this.#tokens = tokens;
    this.#template = template;
  }

  parse(): Expression {
    const expression = this.#pipeline();
    if (this.#position < this.#tokens.length) throw this.#wrong(this.#tokens[this.#position]);
    return expression;
  }

  #pipeline(): Expression {
    let expression = this.#command([]);
    while (this.#tokens[this.#position] === "|") {
      this.#position++;
      expression = this.#command([expression]);
    }
    return expression;
  }

  #command(piped: Expression[]): Expression {
    const token = this.#tokens[this.#position];
    if (token === undefined) throw this.#wrong("the end");
    if (/^[a-z]\w*$/i.test(token) && !["true", "false", "nil"].includes(token)) {
      this.#position++;
      return { kind: "call", name: token, args: [...this.#arguments(), ...piped] };
    }
    const operand = this.#operand();
    if (operand.kind !== "path") return operand;
    const args = [...this.#arguments(), ...piped];
    return args.length === 0 ? operand : { kind: "method", of: operand, args };
  }

  #arguments(): Expression[] {
    const args: Expression[] = [];
    for (;;) {
      const next = this.#tokens[this.#position];
      if (next === undefined || next === "|" || next.startsWith(")")) return args;
      args.push(this.#operand());
    }
  }

  #operand(): Expression {
    const token = this.#tokens[this.#position++] ?? "";
    if (token === "(") {
      const inner = this.#pipeline();
      const close = this.#tokens[this.#position++];
      if (close === ")") return inner;
      if (close === undefined || !close.startsWith(").")) throw this.#wrong("(");
      return { kind: "field", of: inner, names: close.slice(2).split(".") };
    }
    return this.#literal(token) ?? this.#path(token);
  }

  #literal(token: string): Expression | null {
    if (token.startsWith('"')) return { kind: "literal", value: unquote(token) };
    if (token.startsWith("`")) return { kind: "literal", value: token.slice(1, -1) };
    if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
    if (token === "nil") return { kind: "literal", value: null };
    if (/^[+-]?\d/.test(token) && !Number.isNaN(Number(token))) return { kind: "literal", value: Number(token) };
    if (token.startsWith("'"))
      return { kind: "literal", value: unquote(`"${token.slice(1, -1)}"`).codePointAt(0) ?? 0 };
    // A function without arguments, as an argument.
    if (/^[a-z]\w*$/i.test(token)) return { kind: "call", name: token, args: [] };
    return null;
  }

  #path(token: string): Expression {
    if (!token.startsWith(".") && !token.startsWith("$")) throw this.#wrong(token);
    const [root = "", ...names] = token.split(".");
    return { kind: "path", root, names: names.filter((name) => name !== "") };
  }

  #wrong(token: string | undefined): UsageError {
    return new UsageError(`template "${this.#template}": unexpected ${token ?? "end"}`, 1);
  }
}

function unquote(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token.slice(1, -1);
  }
}
