import { Router, urlencoded, type Request, type Response } from "express";
import type { Language } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import type { Account } from "../accounts/accounts.ts";
import { escaped, languageOf, sendPage } from "../pages/page.ts";
import type { Corrections } from "./corrections.ts";
import { titleOfDataSet } from "./data-set-titles.ts";
import { inlineContent } from "./inline-content.ts";
import type { Shelves } from "./shelves.ts";

export interface CorrectPages {
  personOf: (request: Request) => Account | null;
  shelves: Shelves;
  corrections: Corrections;
  entityId: string;
  /** Where a correction can be proposed to the organisation. */
  relais: string;
}

const TEXTS = {
  fr: {
    correct: "Corriger",
    lead: "Ce que l’organisme a envoyé reste tel quel. Votre correction est gardée à côté.",
    save: "Garder ma correction",
    drop: "Oublier ma correction",
    mine: "Vos corrections",
    propose: "Proposer ces corrections à l’organisme, par Relais",
    back: "Retour",
  },
  en: {
    correct: "Correct",
    lead: "What the organisation sent stays as it is. Your correction is kept beside it.",
    save: "Keep my correction",
    drop: "Forget my correction",
    mine: "Your corrections",
    propose: "Propose these corrections to the organisation, by Relais",
    back: "Back",
  },
} as const satisfies Record<Language, object>;

type Members = Record<string, unknown>;

/** A person corrects what an organisation sent: a form with one field for each simple member. */
export function correctRoutes(pages: CorrectPages): Router {
  const router = Router();
  router.get("/correct/:dataset/:key", (request, response) => showForm(pages, request, response));
  router.post("/correct/:dataset/:key", urlencoded({ extended: false, limit: "32kb" }), (request, response) =>
    save(pages, request, response),
  );
  return router;
}

/** HTML: what the person corrected, and the way to propose it. */
export function correctionsPart({ corrections, relais }: CorrectPages, account: Account, language: Language): string {
  const text = TEXTS[language];
  const own = corrections.all(account.id);
  if (own.length === 0) return "";
  const rows = own.map(
    ({ dataset, key }) =>
      `<li>${escaped(titleOfDataSet(dataset, language))}: <a href="${addressOf(dataset, key)}">${escaped(key)}</a></li>`,
  );
  return `<h2>${text.mine}</h2><ul>${rows.join("")}</ul><p><a href="${escaped(`${relais}/${language}/me/propose`)}">${text.propose}</a></p>`;
}

export function correctLink(dataset: string, key: string, language: Language): string {
  return ` <a href="${addressOf(dataset, key)}" aria-label="${escaped(`${TEXTS[language].correct}: ${key}`)}">${TEXTS[language].correct}</a>`;
}

function addressOf(dataset: string, key: string): string {
  return `/correct/${encodeURIComponent(dataset)}/${escaped(encodeURIComponent(key))}`;
}

interface Subject {
  account: Account;
  dataset: string;
  key: string;
  value: Members;
}

/** The person's own correction, or what the organisation sent. */
async function subjectOf({ personOf, shelves, corrections }: CorrectPages, request: Request): Promise<Subject> {
  const account = personOf(request);
  const { dataset, key } = request.params as Record<"dataset" | "key", string>;
  const item = account && shelves.find(account.id, dataset, key);
  const sent = item && (await inlineContent(shelves.path(item), item)).content;
  if (!account || !isMembers(sent))
    throw new RelaisError("not_found", "You hold no such item here that could be corrected, or are not signed in.");
  const own = corrections.find(account.id, dataset, key);
  return { account, dataset, key, value: own === null ? sent : { ...sent, ...(JSON.parse(own.content) as Members) } };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function showForm(pages: CorrectPages, request: Request, response: Response): Promise<void> {
  const { dataset, key, value } = await subjectOf(pages, request);
  const language = languageOf(request);
  const text = TEXTS[language];
  const fields = Object.entries(value)
    .filter(([, member]) => typeof member === "string" || typeof member === "number")
    .map(
      ([name, member]) =>
        `<label for="m-${escaped(name)}">${escaped(name)}</label><input id="m-${escaped(name)}" name="${escaped(name)}" value="${escaped(String(member))}">`,
    );
  sendPage(response, 200, {
    language,
    title: text.correct,
    body: `<h1>${text.correct}: ${escaped(titleOfDataSet(dataset, language))}</h1><p>${text.lead}</p>
<form method="post" action="${addressOf(dataset, key)}">${fields.join("")}<p><button>${text.save}</button> <button name="drop" value="1">${text.drop}</button></p></form>
<p><a href="/">${text.back}</a></p>`,
  });
}

/** A number stays a number: what is not one is kept as the text that was written. */
async function save(pages: CorrectPages, request: Request, response: Response): Promise<void> {
  const origin = request.get("origin");
  if (origin !== undefined && origin !== pages.entityId)
    throw new RelaisError("forbidden", "This form must be sent from this site's own page.");
  const { account, dataset, key, value } = await subjectOf(pages, request);
  const form = (request.body ?? {}) as Members;
  if (form["drop"] === "1") pages.corrections.drop(account.id, dataset, key);
  else {
    const corrected = Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, typeof form[name] === "string" ? valueLike(member, form[name]) : member]),
    );
    pages.corrections.save({ account: account.id, dataset, key, value: corrected });
  }
  response.redirect(303, "/");
}

function valueLike(member: unknown, text: string): unknown {
  const number = Number(text.trim().replace(",", "."));
  return typeof member === "number" && text.trim() !== "" && Number.isFinite(number) ? number : text.trim();
}
