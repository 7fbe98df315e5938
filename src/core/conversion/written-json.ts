/** A number as it is written: 1.10 is not 1.1, and nineteen digits stay nineteen. */
export class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON value with everything that its text says, and nothing that a machine's number cannot hold. */
export type Written = string | boolean | null | WrittenNumber | Written[] | Map<string, Written>;

const DEEPEST = 64;
const TOKEN = /[ \t\n\r]*([{}[\]:,]|"(?:[^"\\]+|\\.)*"|[^ \t\n\r{}[\]:,"]+)/y;

/**
 * Reads JSON (RFC 8259). Null for what is none, and for what cannot be told apart or written again: one name twice in an object, text that is not
 * Unicode, more than 64 levels.
 */
export function readWritten(bytes: Uint8Array): Written | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // From here on it is JSON: what follows only has to take it apart.
    JSON.parse(text);
    return valueIn(tokensOf(text), 0);
  } catch {
    return null;
  }
}

interface Tokens {
  peek(): string;
  take(): string;
}

function tokensOf(text: string): Tokens {
  let at = 0;
  let ahead: string | null = null;
  const next = (): string => {
    TOKEN.lastIndex = at;
    const [, token = ""] = TOKEN.exec(text) ?? [];
    at = TOKEN.lastIndex;
    return token;
  };
  return {
    peek: () => (ahead ??= next()),
    take: () => {
      const token = ahead ?? next();
      ahead = null;
      return token;
    },
  };
}

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

function valueIn(tokens: Tokens, depth: number): Written {
  if (depth > DEEPEST) throw new RangeError("too deep");
  const token = tokens.take();
  if (token === "[") return listIn(tokens, depth);
  if (token === "{") return objectIn(tokens, depth);
  if (token.startsWith('"')) return textIn(token);
  return WORDS.has(token) ? (WORDS.get(token) as boolean | null) : new WrittenNumber(token);
}

function listIn(tokens: Tokens, depth: number): Written[] {
  const list: Written[] = [];
  while (tokens.peek() !== "]") {
    list.push(valueIn(tokens, depth + 1));
    if (tokens.peek() === ",") tokens.take();
  }
  tokens.take();
  return list;
}

function objectIn(tokens: Tokens, depth: number): Map<string, Written> {
  const object = new Map<string, Written>();
  while (tokens.peek() !== "}") {
    const name = textIn(tokens.take());
    if (object.has(name)) throw new SyntaxError("one name twice");
    tokens.take();
    object.set(name, valueIn(tokens, depth + 1));
    if (tokens.peek() === ",") tokens.take();
  }
  tokens.take();
  return object;
}

function textIn(token: string): string {
  const text = JSON.parse(token) as string;
  if (!text.isWellFormed()) throw new SyntaxError("not Unicode");
  return text;
}

/** As RFC 8785 writes it, but for numbers, which stay as they are. */
export function writeWritten(value: Written): string {
  if (value instanceof WrittenNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeWritten).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const members = [...value.keys()].sort().map((name) => `${JSON.stringify(name)}:${writeWritten(value.get(name) as Written)}`);
  return `{${members.join(",")}}`;
}
