import { RelaisError } from "../../src/core/errors.ts";

/** One `response` of a multistatus (RFC 4918 §14.24), with the properties that the server really has (status 200). */
export interface Described {
  href: string;
  isCollection: boolean;
  properties: Map<string, string>;
}

const MOST_DEPTH = 32;
const TOKEN =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)(?:[\w.-]+:)?([\w.-]+)(?:[^<>"']|"[^"<]*"|'[^'<]*')*?(\/?)>|([^<]+)|</gy;

/**
 * Reads by local names: servers choose their own prefixes for `DAV:`. Takes the plain XML that multistatus needs;
 * a document type, and with it every entity of its own, is refused.
 * @throws RelaisError `peer_protocol`.
 */
export function readMultistatus(xml: string): Described[] {
  const found: Described[] = [];
  const open: Element[] = [];
  for (const [token, cdata, close, name = "", empty, text] of xml.replace(/^\ufeff/, "").matchAll(TOKEN)) {
    const inside = open.at(-1);
    if (token === "<") throw notMultistatus();
    if (cdata !== undefined || text !== undefined) {
      if (inside) inside.text += cdata ?? decodeEntities(text as string);
    } else if (name !== "") {
      if (close === "") open.push({ name, text: "", children: [] });
      if (open.length > MOST_DEPTH) throw notMultistatus();
      if (close !== "" || empty !== "") closeElement(name, open, found);
    }
  }
  if (open.length > 0) throw notMultistatus();
  return found;
}

interface Element {
  name: string;
  text: string;
  children: Element[];
}

function closeElement(name: string, open: Element[], found: Described[]): void {
  const element = open.pop();
  if (element === undefined || element.name !== name) throw notMultistatus();
  if (name === "response") found.push(describe(element));
  else open.at(-1)?.children.push(element);
}

function describe(response: Element): Described {
  const held = response.children.filter(({ name, children }) => name === "propstat" && isOk(children));
  const properties = held.flatMap(({ children }) => children.filter(({ name }) => name === "prop").flatMap((prop) => prop.children));
  return {
    href: response.children.find(({ name }) => name === "href")?.text.trim() ?? "",
    isCollection: properties.some(({ name, children }) => name === "resourcetype" && children.some((type) => type.name === "collection")),
    properties: new Map(properties.map(({ name, text }) => [name, text.trim()])),
  };
}

function isOk(children: Element[]): boolean {
  return children.some(({ name, text }) => name === "status" && /\s200(\s|$)/.test(text));
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const code = name[1] === "x" || name[1] === "X" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function notMultistatus(): RelaisError {
  return new RelaisError(
    "peer_protocol",
    "The platform answers a listing that is not WebDAV's. The person should check the address of the folder.",
    { actor: "platform" },
  );
}
