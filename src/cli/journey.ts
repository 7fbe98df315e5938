import { Agent, type Page } from "./agent.ts";

/** Someone invented whom the sandbox lets sign in, and the addresses of its programs. */
export interface Traveller {
  email: string;
  password: string;
}

/** Two choices, two proofs, a plan and a few returns; more than this is a circle. */
const MOST_STEPS = 12;

/** What the page of a transfer says, as `GET …/events` streams it. */
export interface News {
  state: string;
  text: string;
  rows: { dataset: string; value: number; max: number; text: string }[];
}

/**
 * A person's way through Relais' own pages, form by form, as a browser without JavaScript would go it.
 * Throws where a page is not the one that the journey expects, with what the page says.
 */
export class Journey {
  readonly #agent = new Agent();
  readonly #relais: string;
  readonly #who: Traveller;

  constructor(relais: string, who: Traveller) {
    this.#relais = relais;
    this.#who = who;
  }

  async signIn(): Promise<void> {
    const page = await this.#get("/en/sign-in");
    const start = this.#link(page, 'a[href*="/sign-in/start"]');
    this.#expect(await this.#throughProvider(await this.#agent.get(start)), /\/en\//);
  }

  /** Chooses two places, proves what is not proved yet, and returns the page that asks for the permission. */
  async choose(path: "/en/me/copy" | "/en/me/switch", source: string, destination: string, keys: PodKeys | null): Promise<Page> {
    let page = await this.#get(path);
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      if (page.url.includes("/decide")) return page;
      if (page.url.includes("/accounts/")) page = await this.#prove(page, keys);
      else if (page.url.includes("/switch/plan")) page = await this.#agent.submit(page, 'input[name="source"]');
      else
        page = await this.#agent.submit(page, 'input[name="source"]', {
          source: choice(page, "source", source),
          destination: choice(page, "destination", destination),
        });
    }
    throw unexpected(page, "the permission page");
  }

  /** Ticks every data set and both acts, and accepts. Returns the page of what follows. */
  async accept(page: Page): Promise<Page> {
    const all = page.document.querySelectorAll('input[name="datasets"]').map((box) => box.getAttribute("value") ?? "");
    return this.#agent.submit(
      page,
      'input[name="datasets"]',
      { datasets: all, mandate: "yes", consent: "yes" },
      { name: "answer", value: "accept" },
    );
  }

  /** The transfer's own page, from wherever a link leads to it. */
  async transferPage(page: Page): Promise<string> {
    const found = /\/en\/me\/transfers\/(trf_\w+)/.exec(page.url) ?? /\/en\/me\/transfers\/(trf_\w+)/.exec(page.text);
    if (!found) throw unexpected(page, "a transfer");
    return `${this.#relais}${found[0]}`;
  }

  /** Until it has ended: a stream that ends before is opened again, as a browser does. */
  async *watch(transferPage: string): AsyncGenerator<News> {
    for (;;) {
      for await (const block of this.#blocksOf(`${transferPage}/events`)) {
        if (block.startsWith("event: progress")) yield JSON.parse(block.slice(block.indexOf("data: ") + 6)) as News;
        if (block.startsWith("event: ended")) return;
      }
    }
  }

  async *#blocksOf(url: string): AsyncGenerator<string> {
    const response = await this.#agent.raw(url);
    if (!response.ok) throw new Error(`${url} answers ${response.status}.`);
    let rest = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      rest += Buffer.from(chunk).toString("utf8");
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks;
    }
  }

  async download(transferPage: string, document: "manifest" | "receipt"): Promise<string> {
    const response = await this.#agent.raw(`${transferPage}/${document}`);
    if (!response.ok) throw new Error(`There is no ${document} at ${transferPage} (${response.status}).`);
    return response.text();
  }

  async read(url: string): Promise<Page> {
    return this.#agent.get(url);
  }

  /** Presses a button of the form around `marker`. */
  async press(page: Page, marker: string, button: { name: string; value: string }): Promise<Page> {
    return this.#agent.submit(page, marker, {}, button);
  }

  async #get(path: string): Promise<Page> {
    return this.#agent.get(`${this.#relais}${path}`);
  }

  #link(page: Page, selector: string): string {
    const href = page.document.querySelector(selector)?.getAttribute("href");
    if (!href) throw unexpected(page, `a link ${selector}`);
    return new URL(href.replaceAll("&amp;", "&"), page.url).href;
  }

  async #prove(page: Page, keys: PodKeys | null): Promise<Page> {
    const start = page.document.querySelector('a[href*="/link/"]');
    if (start) return this.#throughProvider(await this.#agent.get(this.#link(page, 'a[href*="/link/"]')));
    if (keys === null) throw unexpected(page, "an account that is proved by signing in");
    return this.#agent.submit(page, 'input[name="account"]', {
      account: keys.podRoot,
      clientId: keys.clientId,
      clientSecret: keys.clientSecret,
    });
  }

  /** Signs in wherever a sign-in form stands in the way; a program that knows this browser already asks nothing. */
  async #throughProvider(page: Page): Promise<Page> {
    if (!page.document.querySelector('input[type="password"]') || page.url.startsWith(this.#relais)) return page;
    return this.#agent.submit(page, 'input[type="password"]', { email: this.#who.email, password: this.#who.password });
  }

  #expect(page: Page, url: RegExp): void {
    if (page.status >= 400 || !page.url.startsWith(this.#relais) || !url.test(page.url)) throw unexpected(page, String(url));
  }
}

export interface PodKeys {
  podRoot: string;
  clientId: string;
  clientSecret: string;
}

/** The value of the choice whose label names this participant. */
function choice(page: Page, field: string, name: string): string {
  for (const input of page.document.querySelectorAll(`input[name="${field}"]`)) {
    const label = page.document.querySelector(`label[for="${input.getAttribute("id")}"]`);
    if (label?.text.includes(name)) return input.getAttribute("value") ?? "";
  }
  throw unexpected(page, `a choice "${name}"`);
}

function unexpected(page: Page, wanted: string): Error {
  const heading = page.document.querySelector("h1")?.text.trim().replace(/\s+/g, " ") ?? page.text.slice(0, 200);
  const problem = page.document.querySelector(".govuk-error-summary, [role=alert]")?.text.trim().replace(/\s+/g, " ") ?? "";
  return new Error(`The journey expected ${wanted}, and found "${heading}" at ${page.url} (${page.status}). ${problem}`);
}
