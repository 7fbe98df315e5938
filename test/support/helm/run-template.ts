import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { Command, Node, Operand } from "./parse-template.ts";

/** Functions of Go's templates, of sprig and of Helm that the chart uses. */
type Callable = (...values: unknown[]) => unknown;

const isTrue = (value: unknown): boolean =>
  !(value === false || value === 0 || value === 0n || value === "" || value === null || value === undefined) &&
  (typeof value !== "object" || Object.keys(value).length > 0);

/** As `fmt` prints it: the numbers of the values are floating point numbers, and large ones come out as such; whole ones are BigInt here. */
function printed(value: unknown): string {
  if (typeof value === "number") return Math.abs(value) < 1e6 ? String(value) : value.toExponential().replace(/e\+(\d)$/, "e+0$1");
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw new Error(`cannot be printed: ${JSON.stringify(value)}`);
}

function indented(spaces: unknown, text: unknown): string {
  return String(text).replace(/^/gm, " ".repeat(Number(spaces)));
}

const FUNCTIONS: Record<string, Callable> = {
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  index: (holder, key) => member(holder, String(key)),
  printf: (format, ...values) =>
    String(format).replace(/%([sqdv])/g, (_, verb: string) => {
      const value = values.shift();
      return verb === "q" ? JSON.stringify(value) : printed(value);
    }),
  quote: (value) => JSON.stringify(printed(value)),
  squote: (value) => `'${printed(value)}'`,
  default: (fallback, value) => (isTrue(value) ? value : fallback),
  required: (message, value) => {
    if (value === "" || value === null || value === undefined) throw new Error(String(message));
    return value;
  },
  trunc: (length, text) => String(text).slice(0, Number(length)),
  trimSuffix: (suffix, text) => (String(text).endsWith(String(suffix)) ? String(text).slice(0, -String(suffix).length) : text),
  trimPrefix: (prefix, text) => (String(text).startsWith(String(prefix)) ? String(text).slice(String(prefix).length) : text),
  indent: indented,
  nindent: (spaces, text) => `\n${indented(spaces, text)}`,
  toYaml: (value) => stringify(value, { version: "1.1", lineWidth: 0, sortMapEntries: true }).trimEnd(),
  sha256sum: (text) => createHash("sha256").update(String(text)).digest("hex"),
  kindIs: (kind, value) => kind === (typeof value === "number" ? "float64" : typeof value),
  int64: (value) => {
    if (!Number.isInteger(Number(value))) throw new Error(`no whole number: ${String(value)}`);
    return BigInt(Number(value));
  },
  has: (value, list) => (list as unknown[]).includes(value),
  list: (...values) => values,
  dict: (...pairs) => Object.fromEntries(Array.from({ length: pairs.length / 2 }, (_, index) => [pairs[index * 2], pairs[index * 2 + 1]])),
};

/** What the values do not hold is an error, where Helm would print nothing: a template reads what values.yaml names. */
function member(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, key)) throw new Error(`there is no ${key}`);
  return (holder as Record<string, unknown>)[key];
}

type Scope = Map<string, unknown>;

export class Templates {
  readonly #named = new Map<string, Node[]>();

  add(nodes: Node[]): void {
    for (const node of nodes) if (node.kind === "define") this.#named.set(node.name, node.body);
  }

  render(nodes: Node[], dot: unknown): string {
    return this.#run(nodes, dot, new Map([["$", dot]]));
  }

  /** In a scope of its own: what a block names ends with it. */
  #run(nodes: Node[], dot: unknown, outer: Scope): string {
    const scope: Scope = new Map(outer);
    return nodes.map((node) => this.#one(node, dot, scope)).join("");
  }

  #one(node: Node, dot: unknown, scope: Scope): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "define":
        return "";
      case "output":
        return printed(this.#value(node.pipeline, dot, scope));
      case "assign":
        scope.set(node.name, this.#value(node.pipeline, dot, scope));
        return "";
      case "if": {
        const taken = node.branches.find(({ condition }) => isTrue(this.#value(condition, dot, scope)));
        return this.#run(taken ? taken.body : node.otherwise, dot, scope);
      }
      case "range": {
        const over = this.#value(node.pipeline, dot, scope) as object;
        // Maps go by their keys in order, as Go's do.
        const entries = Array.isArray(over) ? [...over.entries()] : Object.entries(over).sort(([a], [b]) => (a < b ? -1 : 1));
        return entries
          .map(([key, value]) => {
            const inner: Scope = new Map(scope);
            if (node.names.length === 2) inner.set(node.names[0] as string, key);
            inner.set(node.names.at(-1) as string, value);
            return this.#run(node.body, value, inner);
          })
          .join("");
      }
    }
  }

  #value(pipeline: Command[], dot: unknown, scope: Scope): unknown {
    return pipeline.reduce<unknown[]>((piped, command) => [this.#call(command, piped, dot, scope)], [])[0];
  }

  #call([first, ...rest]: Command, piped: unknown[], dot: unknown, scope: Scope): unknown {
    const values = [...rest.map((operand) => this.#operand(operand, dot, scope)), ...piped];
    if (first?.kind === "function") return this.#function(first.name)(...values);
    const value = this.#operand(first as Operand, dot, scope);
    if (typeof value === "function") return (value as Callable)(...values);
    if (values.length > 0) throw new Error("only a function takes values");
    return value;
  }

  #function(name: string): Callable {
    if (name === "include")
      return (template, dot) => {
        const body = this.#named.get(String(template));
        if (!body) throw new Error(`there is no template ${String(template)}`);
        return this.render(body, dot);
      };
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (!known) throw new Error(`there is no function ${name}`);
    return known;
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): unknown {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "nested":
        return this.#value(operand.pipeline, dot, scope);
      case "function":
        return this.#function(operand.name)();
      case "path": {
        if (operand.root !== "." && !scope.has(operand.root)) throw new Error(`nothing is called ${operand.root}`);
        return operand.fields.reduce(member, operand.root === "." ? dot : scope.get(operand.root));
      }
    }
  }
}
