import { parse, type HTMLElement } from "node-html-parser";

/** A page as a program reads it. */
export interface Page {
  url: string;
  status: number;
  document: HTMLElement;
  text: string;
}

const MOST_REDIRECTS = 20;

/** A browser without a screen: keeps cookies by origin, follows redirects, fills in forms as they are on the page. */
export class Agent {
  readonly #cookies = new Map<string, Map<string, string>>();

  async get(url: string): Promise<Page> {
    return this.#follow(url, { method: "GET" });
  }

  /** Any answer, not followed and not parsed. */
  async raw(url: string): Promise<Response> {
    return this.#send(url, { method: "GET" });
  }

  /** Sends the form that holds `marker` (a CSS selector), with its own values changed by `values`; `press` names the button. */
  async submit(
    page: Page,
    marker: string,
    values: Record<string, string | string[]> = {},
    press?: { name: string; value: string },
  ): Promise<Page> {
    const form = formAround(page, marker);
    const fields = new URLSearchParams(ownFields(form).filter(([name]) => !(name in values)));
    for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) fields.append(name, one);
    if (press) fields.append(press.name, press.value);
    const target = new URL(form.getAttribute("action") || page.url, page.url);
    if ((form.getAttribute("method") ?? "get").toLowerCase() === "post") return this.#follow(target.href, { method: "POST", body: fields });
    target.search = fields.toString();
    return this.get(target.href);
  }

  async #follow(url: string, init: RequestInit): Promise<Page> {
    let [at, request] = [url, init];
    for (let hops = 0; hops < MOST_REDIRECTS; hops++) {
      const response = await this.#send(at, request);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return pageOf(at, response);
      await response.body?.cancel();
      at = new URL(location, at).href;
      if (response.status !== 307 && response.status !== 308) request = { method: "GET" };
    }
    throw new Error(`${url} redirects without end`);
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const headers = new Headers({ accept: "text/html,*/*;q=0.5", "accept-language": "en", origin });
    if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) keep(jar, line);
    return response;
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";");
  const name = pair.slice(0, pair.indexOf("="));
  const gone = attributes.some((attribute) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(attribute));
  if (gone) jar.delete(name);
  else jar.set(name, pair.slice(pair.indexOf("=") + 1));
}

async function pageOf(url: string, response: Response): Promise<Page> {
  const text = await response.text();
  return { url, status: response.status, text, document: parse(text) };
}

function formAround(page: Page, marker: string): HTMLElement {
  const found = page.document.querySelector(marker);
  const form = found?.tagName === "FORM" ? found : found?.closest("form");
  if (!form)
    throw new Error(
      `${page.url} (${page.status}) has no form with ${marker}: ${page.document.querySelector("h1")?.text.trim() ?? page.text.slice(0, 200)}`,
    );
  return form;
}

/** The values that the form carries by itself: hidden and pre-filled fields, boxes and choices only where they are ticked. */
function ownFields(form: HTMLElement): [string, string][] {
  return form.querySelectorAll("input, textarea, select").flatMap((field): [string, string][] => {
    const name = field.getAttribute("name");
    const type = (field.getAttribute("type") ?? "text").toLowerCase();
    if (!name || type === "submit" || type === "button" || field.hasAttribute("disabled")) return [];
    if ((type === "checkbox" || type === "radio") && !field.hasAttribute("checked")) return [];
    return [[name, field.getAttribute("value") ?? ""]];
  });
}
