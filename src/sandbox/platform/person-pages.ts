import { pipeline } from "node:stream/promises";
import { Router, urlencoded, type Request, type Response } from "express";
import type { Words } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import { type Account, findByPassword } from "../accounts/accounts.ts";
import { signInForm } from "../accounts/sign-in-form.ts";
import { languageOf, sendPage } from "../pages/page.ts";
import { type Bring, bringPart, bringRoutes } from "./bring/routes.ts";
import { readHolders } from "./bring/holders.ts";
import { type CorrectPages, correctionsPart, correctRoutes } from "./correct-pages.ts";
import { energyDays } from "./energy-days.ts";
import { clearPersonCookie, readPersonCookie, setPersonCookie } from "./person-cookie.ts";
import { personPage } from "./person-page.ts";
import type { Shelves } from "./shelves.ts";

export interface PersonPages {
  name: string;
  title: Words;
  accounts: Account[];
  shelves: Shelves;
  cookieKey: Buffer;
  bring: Bring;
  correct: CorrectPages;
}

const ENERGY = "energy.consumption.daily";
const DAYS = 30;

/** What the platform shows to its people: what it holds for them, by source and data set. */
export function personPages(pages: PersonPages): Router {
  const router = Router();
  router.get("/", (request, response) => showHoldings(pages, request, response));
  router.post("/enter", urlencoded({ extended: false, limit: "4kb" }), (request, response) => enter(pages, request, response));
  router.post("/leave", (_request, response) => leave(response));
  router.get("/items/:dataset/:key", (request, response) => download(pages, request, response));
  router.use(bringRoutes(pages.bring));
  router.use(correctRoutes(pages.correct));
  return router;
}

async function showHoldings(pages: PersonPages, request: Request, response: Response): Promise<void> {
  const account = personOf(pages, request);
  if (account === null) return showForm(pages, request, response, false);
  const language = languageOf(request);
  const items = pages.shelves.all(account.id);
  const holders = await readHolders(pages.bring.relais).catch(() => null);
  const days = await energyDays(pages.shelves, pages.shelves.latest(account.id, ENERGY, DAYS));
  sendPage(response, 200, {
    language,
    title: pages.name,
    body: personPage({
      language,
      name: pages.name,
      person: account.name,
      items,
      names: new Map(holders?.map((holder) => [holder.entityId, holder.name])),
      days,
      bring: bringPart(pages.bring, account, request, holders) + correctionsPart(pages.correct, account, language),
    }),
  });
}

/** Who is signed in to these pages. */
export function personOf({ accounts, cookieKey }: Pick<PersonPages, "accounts" | "cookieKey">, request: Request): Account | null {
  const id = readPersonCookie(request, cookieKey);
  return accounts.find((account) => account.id === id) ?? null;
}

function showForm({ name, title }: PersonPages, request: Request, response: Response, refused: boolean): void {
  const language = languageOf(request);
  sendPage(response, refused ? 401 : 200, {
    language,
    title: name,
    body: signInForm({
      language,
      settings: { name, title },
      action: "/enter",
      refused,
      email: (request.body as { email?: unknown } | undefined)?.email,
    }),
  });
}

function enter(pages: PersonPages, request: Request, response: Response): void {
  const { email, password } = (request.body ?? {}) as Record<string, unknown>;
  const account = findByPassword(pages.accounts, email, password);
  if (account === null) return showForm(pages, request, response, true);
  setPersonCookie(response, pages.cookieKey, account.id);
  response.redirect(303, "/");
}

function leave(response: Response): void {
  clearPersonCookie(response);
  response.redirect(303, "/");
}

/** Always as a file to keep: what a source sent is never shown as a page of ours. */
async function download(pages: PersonPages, request: Request, response: Response): Promise<void> {
  const account = personOf(pages, request);
  const { dataset, key } = request.params as Record<"dataset" | "key", string>;
  const item = account && (await pages.shelves.read(account.id, dataset, key));
  if (!item) throw new RelaisError("not_found", "You hold no such item here, or are not signed in.");
  response.attachment(key.split("/").at(-1) ?? "item");
  response.set({
    "content-type": item.mediaType,
    "content-length": String(item.bytes),
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
  });
  await pipeline(item.body, response).catch(() => response.destroy());
}
