import type { Response } from "express";
import { escaped } from "../pages/page.ts";

/** What a person who is signed in at Relais could lose by one form: each is sent in their name, by a script and without one. */
const FORMS: [path: string, fields: Record<string, string>][] = [
  ["/sign-out", { lang: "en" }],
  ["/en/me/account/delete", { sure: "yes" }],
  ["/en/me/account/sessions/end", {}],
  ["/en/me/account/codes", {}],
  ["/en/me/mail/remove", {}],
  ["/en/me/mail", { address: "someone@sirene.example" }],
];

const FRAMED = ["/en/me/account", "/en/me/account/delete", "/en/permissions"];

/** Addresses of Relais that take a way on: each tries to make it lead here. */
const WAYS_ON = ["/en/sign-in", "/sign-in/start", "/en/sign-in/recovery", "/en/me/account/codes"];

/**
 * Instead of the sign-in: a page that does all of it at once, and says when it has (`data-done` of the body, the number of frames that were
 * loaded). Without a script the buttons are still there.
 */
export function lurePage({ own, relais }: Record<"own" | "relais", string>, response: Response): void {
  const forms = FORMS.map(([path, fields], place) => formTo(`${relais}${path}`, fields, `answer-${place}`));
  const frames = FRAMED.map((path) => `<iframe class="framed" src="${escaped(relais + path)}" title="${escaped(path)}"></iframe>`);
  const links = waysOn(own).map(([path, next]) => {
    const address = `${relais}${path}?${new URLSearchParams({ lang: "en", next })}`;
    return `<li><a href="${escaped(address)}">${escaped(path)}</a></li>`;
  });
  response
    .status(200)
    .type("html")
    .set("cache-control", "no-store")
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sirène</title><body><h1>Sirène</h1>${forms.join("")}${frames.join("")}<ul>${links.join("")}</ul><script>${SCRIPT}</script></body></html>`,
    );
}

function waysOn(own: string): [path: string, next: string][] {
  const places = [`${own}/caught`, `//${new URL(own).host}/caught`, `/\\${new URL(own).host}/caught`];
  return WAYS_ON.flatMap((path) => places.map((place): [string, string] => [path, place]));
}

function formTo(action: string, fields: Record<string, string>, target: string): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`);
  return `<iframe name="${target}" title="${target}"></iframe><form method="post" action="${escaped(action)}" target="${target}">${inputs.join("")}<button>Win</button></form>`;
}

const SCRIPT = `
const forms = [...document.forms];
const answered = forms.map((form) => new Promise((done) => { document.getElementsByName(form.target)[0].addEventListener("load", done); form.submit(); }));
const framed = [...document.querySelectorAll("iframe.framed")].map((frame) => new Promise((done) => frame.addEventListener("load", done)));
const sent = forms.map((form) => fetch(form.action, { method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams(new FormData(form)) }).catch(() => undefined));
Promise.all([...answered, ...framed, ...sent]).then((all) => { document.body.dataset.done = String(all.length); });
`;
