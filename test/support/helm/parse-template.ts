/**
 * The part of Go's text/template that the chart is written in, and nothing more: what is not known here is an error, so that the chart stays within
 * what is tested.
 */
export type Operand =
  | { kind: "literal"; value: string | number | boolean | null }
  | { kind: "path"; root: string; fields: string[] }
  | { kind: "nested"; pipeline: Command[]; fields: string[] }
  | { kind: "function"; name: string };
export type Command = Operand[];

export type Node =
  | { kind: "text"; text: string }
  | { kind: "output"; pipeline: Command[] }
  | { kind: "assign"; name: string; pipeline: Command[] }
  | { kind: "if"; branches: { condition: Command[]; body: Node[] }[]; otherwise: Node[] }
  | { kind: "range"; names: string[]; pipeline: Command[]; body: Node[] }
  | { kind: "define"; name: string; body: Node[] };

interface Token {
  kind: "text" | "action";
  text: string;
}

/** Text and actions, with the white space taken out that `{{-` and `-}}` trim. */
function split(source: string): Token[] {
  const tokens: Token[] = [];
  let rest = source;
  let trim = false;
  for (;;) {
    const at = rest.indexOf("{{");
    const text = at === -1 ? rest : rest.slice(0, at);
    const trimsBefore = at !== -1 && /^\{\{-\s/.test(rest.slice(at));
    let shown = trim ? text.trimStart() : text;
    if (trimsBefore) shown = shown.trimEnd();
    if (shown !== "") tokens.push({ kind: "text", text: shown });
    if (at === -1) return tokens;
    const end = endOfAction(rest, at);
    const inner = rest.slice(at + 2, end);
    trim = /\s-$/.test(inner);
    const action = inner.replace(/^-\s/, "").replace(/\s-$/, "").trim();
    if (!action.startsWith("/*")) tokens.push({ kind: "action", text: action });
    else if (!action.endsWith("*/")) throw new Error(`a comment does not end: ${action}`);
    rest = rest.slice(end + 2);
  }
}

/** Braces within a text of an action do not end it. */
function endOfAction(source: string, from: number): number {
  const action = /^\{\{(?:-\s)?\s*\/\*[\s\S]*?\*\/|"(?:[^"\\]|\\.)*"|`[^`]*`|\}\}/g;
  const text = source.slice(from);
  for (const match of text.matchAll(action)) if (match[0] === "}}") return from + match.index;
  throw new Error(`an action does not end: ${text.slice(0, 60)}`);
}

export function parseTemplate(source: string): Node[] {
  const tokens = split(source);
  const { nodes, end } = parseUntil(tokens, 0, []);
  if (end !== tokens.length) throw new Error("a block ends that did not begin");
  return nodes;
}

const word = (text: string): string => /^[a-z]+/.exec(text)?.[0] ?? "";

/** Up to one of these words, which is left for the caller. */
function parseUntil(tokens: Token[], from: number, stops: string[]): { nodes: Node[]; end: number } {
  const nodes: Node[] = [];
  let at = from;
  while (at < tokens.length) {
    const token = tokens[at] as Token;
    if (token.kind === "text") {
      nodes.push({ kind: "text", text: token.text });
      at++;
      continue;
    }
    if (["else", "end"].includes(word(token.text))) {
      if (stops.includes(word(token.text))) return { nodes, end: at };
      throw new Error(`"${token.text}" without its beginning`);
    }
    const parsed = parseAction(tokens, at);
    nodes.push(parsed.node);
    at = parsed.end;
  }
  if (stops.length > 0) throw new Error("a block does not end");
  return { nodes, end: at };
}

function parseAction(tokens: Token[], at: number): { node: Node; end: number } {
  const { text } = tokens[at] as Token;
  const after = text.replace(/^[a-z]+\s*/, "");
  switch (word(text)) {
    case "if":
      return parseIf(tokens, at);
    case "range": {
      const match = /^((?:\$\w+\s*,\s*)?\$\w+)\s*:=\s*([\s\S]+)$/.exec(after);
      if (!match) throw new Error(`a range names what it goes over: ${text}`);
      const { nodes, end } = parseUntil(tokens, at + 1, ["end"]);
      const names = (match[1] as string).split(",").map((name) => name.trim());
      return { node: { kind: "range", names, pipeline: parsePipeline(match[2] as string), body: nodes }, end: end + 1 };
    }
    case "define": {
      const { nodes, end } = parseUntil(tokens, at + 1, ["end"]);
      return { node: { kind: "define", name: JSON.parse(after) as string, body: nodes }, end: end + 1 };
    }
    default: {
      const match = /^(\$\w+)\s*:=\s*([\s\S]+)$/.exec(text);
      const node: Node = match
        ? { kind: "assign", name: match[1] as string, pipeline: parsePipeline(match[2] as string) }
        : { kind: "output", pipeline: parsePipeline(text) };
      return { node, end: at + 1 };
    }
  }
}

function parseIf(tokens: Token[], from: number): { node: Node; end: number } {
  const branches: { condition: Command[]; body: Node[] }[] = [];
  let at = from;
  for (;;) {
    const { text } = tokens[at] as Token;
    if (text === "else") {
      const { nodes, end } = parseUntil(tokens, at + 1, ["end"]);
      return { node: { kind: "if", branches, otherwise: nodes }, end: end + 1 };
    }
    if (text === "end") return { node: { kind: "if", branches, otherwise: [] }, end: at + 1 };
    const { nodes, end } = parseUntil(tokens, at + 1, ["else", "end"]);
    branches.push({ condition: parsePipeline(text.replace(/^(else )?if\s+/, "")), body: nodes });
    at = end;
  }
}

const LEXEMES = /\s+|"(?:[^"\\]|\\.)*"|`[^`]*`|\$\w*(?:\.\w+)*|(?:\.\w+)+|\.|[a-zA-Z]\w*|-?\d+(?:\.\d+)?|[()|]/y;

function parsePipeline(source: string): Command[] {
  const lexemes: string[] = [];
  for (LEXEMES.lastIndex = 0; LEXEMES.lastIndex < source.length;) {
    const found = LEXEMES.exec(source);
    if (!found) throw new Error(`not understood: ${source}`);
    lexemes.push(found[0]);
  }
  const { pipeline, end } = pipelineOf(lexemes, 0, source);
  if (end !== lexemes.length) throw new Error(`not understood to its end: ${source}`);
  return pipeline;
}

function pipelineOf(lexemes: string[], from: number, source: string): { pipeline: Command[]; end: number } {
  const pipeline: Command[] = [[]];
  let at = from;
  for (; at < lexemes.length && lexemes[at] !== ")"; at++) {
    const lexeme = lexemes[at] as string;
    if (lexeme === "|") pipeline.push([]);
    else if (lexeme === "(") {
      const nested = pipelineOf(lexemes, at + 1, source);
      if (lexemes[nested.end] !== ")") throw new Error(`a bracket does not end: ${source}`);
      pipeline.at(-1)?.push({ kind: "nested", pipeline: nested.pipeline, fields: [] });
      at = nested.end;
    } else if (lexeme.trim() !== "") pipeline.at(-1)?.push(operandOf(lexeme));
  }
  if (pipeline.some((command) => command.length === 0)) throw new Error(`an empty command: ${source}`);
  return { pipeline, end: at };
}

function operandOf(lexeme: string): Operand {
  if (lexeme.startsWith('"')) return { kind: "literal", value: JSON.parse(lexeme) as string };
  if (lexeme.startsWith("`")) return { kind: "literal", value: lexeme.slice(1, -1) };
  if (/^-?\d/.test(lexeme)) return { kind: "literal", value: Number(lexeme) };
  if (lexeme === "true" || lexeme === "false") return { kind: "literal", value: lexeme === "true" };
  if (lexeme.startsWith("$") || lexeme.startsWith(".")) {
    const [root = "", ...fields] = lexeme.split(".");
    return { kind: "path", root: root === "" ? "." : root, fields: fields.filter((field) => field !== "") };
  }
  return { kind: "function", name: lexeme };
}
