import { createHash } from "node:crypto";
import type { Request, Response } from "express";
import type { Language } from "../../core/catalogue/data-set.ts";

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;overflow-wrap:anywhere}
label{display:block;margin-top:1rem;font-weight:600}input{font:inherit;box-sizing:border-box;width:100%;max-width:24rem;padding:.5rem;border:2px solid}
button{font:inherit;margin-top:1rem;padding:.5rem 1rem;border:0;background:#12436d;color:#fff;cursor:pointer}
a:focus-visible,button:focus-visible,input:focus-visible,summary:focus-visible{outline:3px solid #f46a25;outline-offset:2px}.error{border-left:4px solid #b3261e;padding-left:.75rem;font-weight:600}
.note{font-size:.9rem}table{border-collapse:collapse}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8888;vertical-align:top}
.wide{overflow-x:auto;overflow-wrap:normal}svg{max-width:100%;height:auto}rect{fill:#3d7ab0}code{font-size:.95em}.wide td code{white-space:nowrap}.keys th{white-space:nowrap}
@media (max-width:40rem){.people,.people tbody,.people tr,.people th,.people td{display:block;border:0;padding:.1rem 0}.people thead{display:none}.people tr{border-bottom:1px solid #8888;padding:.75rem 0}.people td::before{content:attr(data-head) " ";font-size:.9rem}.people button{margin-top:.25rem}.people td code{white-space:normal;overflow-wrap:anywhere}}
fieldset{border:0;margin:0;padding:0}legend{font-weight:600;padding:0}details{border-bottom:1px solid #8888;padding-bottom:.75rem}summary{cursor:pointer;padding:.75rem 0;font-weight:600}
.letter{white-space:pre-wrap;border:1px solid #8888;padding:1rem}.tick{position:relative;padding:.5rem 0 .5rem 2.5rem}.tick label{margin:0}.tick input{position:absolute;left:0;width:1.75rem;height:1.75rem;margin:0}.tick p{margin:0}`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** Text as HTML, also within attributes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** French unless the browser prefers English. */
export function languageOf(request: Request): Language {
  return request.acceptsLanguages(["fr", "en"]) === "en" ? "en" : "fr";
}

export interface Page {
  language: Language;
  title: string;
  /** HTML. */
  body: string;
}

/** One page, no script, nothing from elsewhere. `form-action` is open: after signing in, forms lead back to Relais. */
export function sendPage(response: Response, status: number, { language, title, body }: Page): void {
  response
    .status(status)
    .type("html")
    .set({
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      "referrer-policy": "same-origin",
      "x-content-type-options": "nosniff",
      vary: "Accept-Language",
    }).send(`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>
${body}
</main></body></html>`);
}
