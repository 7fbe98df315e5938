import { parse, type HTMLElement } from "node-html-parser";
import { newId } from "../../src/core/ids.ts";

/** Finds the forms of pages by reading the pages, and makes the hostile variants of each. */

export type Fields = [name: string, value: string][];

export interface Sent {
  cookie?: string | undefined;
  form?: Fields;
  /** What a browser says of where the form stood; our own pages where it is left out. */
  from?: Record<string, string>;
}

export interface Page {
  path: string;
  status: number;
  location: string;
  html: string;
  document: HTMLElement;
}

export type Visit = (path: string, sent?: Sent) => Promise<Page>;

/** Who visits `origin`, as a browser does that follows nothing by itself. */
export function visitsOf(origin: string): Visit {
  return async (path, { cookie, form, from = { origin, "sec-fetch-site": "same-origin" } } = {}) => {
    const response = await fetch(origin + path, {
      redirect: "manual",
      headers: { accept: "text/html", ...from, ...(cookie === undefined ? {} : { cookie }) },
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });
    const html = await response.text();
    return { path, status: response.status, location: response.headers.get("location") ?? "", html, document: parse(html) };
  };
}

export interface FoundForm {
  /** Its address without the language, ids by their kind: `/me/account/sessions/:ses/end`. */
  shape: string;
  action: string;
  /** As it would be sent: boxes that are not ticked are in it too, a button once for each value. */
  fields: Fields;
}

const ID = /\b([a-z]{3})_[0-9A-Za-z]{22}\b/g;

export function shapeOf(path: string): string {
  return path.replace(/^\/(en|fr)(?=\/)/, "").replace(ID, ":$1");
}

export function idsIn(path: string): string[] {
  return path.match(ID) ?? [];
}

export function formsOf({ document, path }: Page): FoundForm[] {
  const posted = document.querySelectorAll("form").filter((form) => form.getAttribute("method")?.toLowerCase() === "post");
  return posted.map((form) => {
    const action = form.getAttribute("action") ?? path;
    const controls = form.querySelectorAll("input, select, textarea, button").filter((control) => control.getAttribute("name"));
    return { shape: shapeOf(action), action, fields: controls.map((control) => [control.getAttribute("name") ?? "", valueOf(control)]) };
  });
}

function valueOf(control: HTMLElement): string {
  if (control.tagName === "TEXTAREA") return control.text;
  return (control.tagName === "SELECT" ? control.querySelector("option") : control)?.getAttribute("value") ?? "";
}

/** Every page that links lead to from these, as long as the address is within one of these folders. */
export async function crawl(visit: Visit, { cookie, starts }: { cookie: string; starts: string[] }): Promise<Map<string, Page>> {
  const pages = new Map<string, Page>();
  const waiting = starts.map((path) => `/en${path}`);
  const isWithin = (path: string) => starts.some((start) => path === `/en${start}` || path.startsWith(`/en${start}/`));
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (pages.has(path)) continue;
    const page = await visit(path, { cookie });
    pages.set(path, page);
    const links = page.document.querySelectorAll("a[href]").map((link) => String(link.getAttribute("href")).split(/[?#]/)[0] ?? "");
    waiting.push(...links.filter(isWithin));
  }
  return pages;
}

export interface Try {
  what: string;
  path: string;
  fields: Fields;
}

/** `all` in which each field comes once: what a person sends who presses the first button. */
export function once(all: Fields): Fields {
  return [...new Map(all.toReversed()).entries()];
}

/** The address of a form with each of its ids swapped for the other person's, made up, of another kind, cut, doubled and with more behind it. */
export function addressTries(form: FoundForm, theirs: FoundForm): Try[] {
  const others = idsIn(theirs.action);
  return idsIn(form.action).flatMap((id, place) => {
    const kind = id.slice(0, 3);
    const variants: [what: string, id: string][] = [
      ["the other person's", others[place] ?? ""],
      ["made up", kind + newId("person").slice(3)],
      ["of another kind", newId(kind === "cst" ? "transfer" : "consent")],
      ["cut", id.slice(0, -1)],
      ["doubled", `${id},${id}`],
      ["with more", `${id}%00`],
    ];
    return variants.map(([what, other]) => ({
      what: `an id that is ${what}`,
      path: form.action.replace(id, other),
      fields: once(form.fields),
    }));
  });
}

export const dropped = (fields: Fields, name: string): Fields => fields.filter(([one]) => one !== name);
export const changed = (fields: Fields, name: string, values: string[]): Fields => [
  ...dropped(fields, name),
  ...values.map((value): Fields[number] => [name, value]),
];

/** Where a form comes from that is not ours, as browsers of today and of yesterday say it. */
export const ELSEWHERE: Record<string, string>[] = [
  { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
  { origin: "https://evil.example" },
  { origin: "null" },
  { "sec-fetch-site": "same-site" },
];
