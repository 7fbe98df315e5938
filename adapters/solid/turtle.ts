const CONTAINS = "http://www.w3.org/ns/ldp#contains";

const TOKEN =
  /#[^\n]*|\s+|<((?:[^\s<>"{}|^`\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*)>|"""(?:\\.|[^\\])*?"""|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|([;,.[\]()])|((?:[^\s<>"';,.()[\]\\#]|\\.|\.(?=[^\s;,.<>()[\]"']))+)|[\s\S]/gy;

/**
 * The objects of `ldp:contains` in a container's Turtle (RDF 1.1 Turtle; LDP §5.2.1), as absolute addresses. Words are told
 * apart as Turtle does, so that text inside literals is never taken for a member.
 */
export function readContains(turtle: string, base: string): string[] {
  const members: string[] = [];
  const prefixes = new Map<string, string>();
  let isMember = false;
  let words: Word[] = [];
  for (const word of wordsOf(turtle)) {
    words = [...words.slice(-2), word];
    declare(prefixes, words);
    const iri = iriOf(word, prefixes, base);
    if (iri === CONTAINS) isMember = true;
    else if (isMember && iri !== null) members.push(iri);
    else if (word.mark !== ",") isMember = false;
  }
  return members;
}

interface Word {
  iri?: string | undefined;
  mark?: string | undefined;
  name?: string | undefined;
}

function* wordsOf(turtle: string): Generator<Word> {
  for (const [text, iri, mark, name] of turtle.matchAll(TOKEN)) {
    if (!text.startsWith("#") && text.trim() !== "") yield { iri, mark, name };
  }
}

/** `@prefix p: <iri>` and `PREFIX p: <iri>`. */
function declare(prefixes: Map<string, string>, [keyword, name, target]: Word[]): void {
  if (!/^@?prefix$/i.test(keyword?.name ?? "") || target?.iri === undefined) return;
  if (name?.name?.endsWith(":")) prefixes.set(name.name.slice(0, -1), target.iri);
}

function iriOf({ iri, name }: Word, prefixes: ReadonlyMap<string, string>, base: string): string | null {
  const [, prefix = "", local = ""] = /^([^:]*):(.*)$/s.exec(name ?? "") ?? [];
  const expanded = iri ?? (name?.includes(":") && prefixes.has(prefix) ? `${prefixes.get(prefix)}${local.replace(/\\(.)/g, "$1")}` : null);
  if (expanded === null) return null;
  const plain = expanded.replace(/\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})/g, (whole, short?: string, long?: string) =>
    characterOf(short ?? long, whole),
  );
  return URL.canParse(plain, base) ? new URL(plain, base).href : null;
}

function characterOf(hex: string | undefined, whole: string): string {
  const code = Number.parseInt(hex ?? "", 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
