import { Router, type Request, type Response } from "express";
import type { Language } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import { escaped, languageOf, sendPage } from "../pages/page.ts";
import type { HolderDay } from "./day.ts";
import { onlyAdmin } from "./proposal-admin.ts";

interface DayAdmin {
  name: string;
  entityId: string;
  password: string;
  day: HolderDay;
}

const TEXTS = {
  fr: {
    title: "Le jour suivant",
    lead: "Cet organisme a des données jusqu’au :",
    button: "Ajouter un jour",
    what: "Un jour de plus ajoute des éléments, en complète, et supprime ceux de plus de trois ans : un envoi récurrent n’apporte que cela.",
  },
  en: {
    title: "The next day",
    lead: "This organisation has data until:",
    button: "Add a day",
    what: "A day more adds items, completes some, and deletes those that are more than three years old: a recurring delivery brings that alone.",
  },
} as const satisfies Record<Language, object>;

/** Where whoever tries the sandbox lets a day pass. */
export function dayAdmin(admin: DayAdmin): Router {
  const router = Router();
  router.use(onlyAdmin(admin));
  router.get("/", (request, response) => show(admin, request, response));
  router.post("/", (request, response) => pass(admin, request, response));
  return router;
}

function show({ name, day }: DayAdmin, request: Request, response: Response): void {
  const language = languageOf(request);
  const text = TEXTS[language];
  const body = `<h1>${text.title}</h1><p>${text.lead} <strong>${escaped(day.last())}</strong></p><p>${text.what}</p>
<form method="post" action="/admin/day"><button>${text.button}</button></form>`;
  sendPage(response, 200, { language, title: `${text.title} · ${name}`, body });
}

async function pass({ entityId, day }: DayAdmin, request: Request, response: Response): Promise<void> {
  const origin = request.get("origin");
  if (origin !== undefined && origin !== entityId) throw new RelaisError("forbidden", "This form must be sent from its own page.");
  await day.next();
  response.redirect(303, "/admin/day");
}
