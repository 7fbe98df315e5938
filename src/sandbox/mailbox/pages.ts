import { Router, type Request, type Response } from "express";
import type { Language } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import { escaped, languageOf, sendPage } from "../pages/page.ts";
import type { KeptLetter, MailSink } from "./mail-sink.ts";

const TEXTS = {
  fr: {
    title: "Les courriels du bac à sable",
    intro:
      "Aucun courriel ne part d’ici. Vous lisez ce que chacun aurait reçu à l’adresse donnée dans « Mon compte ». Tout disparaît à l’arrêt du bac à sable.",
    none: "Rien encore. Donnez une adresse quelconque dans « Mon compte », puis rechargez cette page.",
    letters: "Courriels, du plus récent au plus ancien",
    to: "À",
    subject: "Objet",
    at: "Reçu",
    account: "Mon compte sur Relais",
    home: "Accueil du bac à sable",
    all: "Tous les courriels",
  },
  en: {
    title: "Mail of the sandbox",
    intro:
      "No mail leaves this place. You read what everybody would have got at the address given under “My account”. All of it is gone once the sandbox stops.",
    none: "Nothing yet. Give any address under “My account”, then load this page again.",
    letters: "Mails, newest first",
    to: "To",
    subject: "Subject",
    at: "Received",
    account: "My account on Relais",
    home: "Home of the sandbox",
    all: "All mails",
  },
} as const satisfies Record<Language, object>;

/** What people and offices would have got by mail, for whoever tries the sandbox. */
export function mailboxRoutes({ sink, relais }: { sink: MailSink; relais: string }): Router {
  const router = Router();
  router.get("/mailbox", (request, response) => showLetters(sink, relais, request, response));
  router.get("/mailbox/:id", (request, response) => showLetter(sink, relais, request, response));
  return router;
}

function showLetters(sink: MailSink, relais: string, request: Request, response: Response): void {
  const language = languageOf(request);
  const text = TEXTS[language];
  const rows = sink.list().map((letter) => rowOf(language, letter));
  const heads = [text.subject, text.to, text.at].map((head) => `<th scope="col">${head}</th>`).join("");
  const list =
    rows.length === 0
      ? `<p>${text.none}</p>`
      : `<div class="wide" tabindex="0" role="region" aria-label="${text.letters}"><table class="people"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
  const links = `<p><a href="${escaped(`${relais}/${language}/me/mail`)}">${text.account}</a></p><p><a href="/">${text.home}</a></p>`;
  sendPage(response, 200, { language, title: text.title, body: `<h1>${text.title}</h1><p>${text.intro}</p>${list}${links}` });
}

function rowOf(language: Language, { id, at, to, subject }: KeptLetter): string {
  const text = TEXTS[language];
  return `<tr><th scope="row"><a href="/mailbox/${id}">${escaped(subject)}</a></th><td data-head="${text.to}:">${escaped(to)}</td><td data-head="${text.at}:"><time datetime="${at.toISOString()}">${escaped(momentIn(language, at))}</time></td></tr>`;
}

function momentIn(language: Language, at: Date): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short", timeZone: "Europe/Paris" }).format(at);
}

function showLetter(sink: MailSink, relais: string, request: Request, response: Response): void {
  const language = languageOf(request);
  const text = TEXTS[language];
  const letter = sink.find(Number(request.params["id"]));
  if (letter === null)
    throw new RelaisError("not_found", "There is no such letter here: the newest 200 are kept, and none over a restart.");
  const body = `<h1>${escaped(letter.subject)}</h1><p>${text.to} <code>${escaped(letter.to)}</code>, <time datetime="${letter.at.toISOString()}">${escaped(momentIn(language, letter.at))}</time></p>
<div class="letter">${linked(letter.text, relais)}</div><p><a href="/mailbox">${text.all}</a></p>`;
  sendPage(response, 200, { language, title: letter.subject, body });
}

/** Only what leads to Relais is a link: a letter may hold what people wrote. */
function linked(text: string, relais: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part) => (part.startsWith(`${relais}/`) ? `<a href="${escaped(part)}">${escaped(part)}</a>` : escaped(part)))
    .join("");
}
