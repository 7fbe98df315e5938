import { createHash, timingSafeEqual } from "node:crypto";
import { Router, urlencoded, type Request, type RequestHandler, type Response } from "express";
import type { Language } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import { type OmissionReason, sha256 } from "../../core/transfer/manifest.ts";
import type { Library } from "../export/library.ts";
import { escaped, languageOf, sendPage } from "../pages/page.ts";
import { textOf } from "./proposal-intake.ts";
import type { Proposal, Proposals } from "./proposals.ts";

export interface ProposalAdmin {
  name: string;
  entityId: string;
  /** Of the one who decides; the user is `admin`. */
  password: string;
  proposals: Proposals;
  library: Library;
}

const REASONS = ["not_plausible", "proof_needed", "not_changeable"] as const satisfies readonly OmissionReason[];

const TEXTS = {
  fr: {
    title: "Propositions des clients",
    none: "Rien n’attend de décision.",
    lead: "L’ancienne valeur reste en vigueur jusqu’à votre décision.",
    item: "Élément",
    old: "Valeur en vigueur",
    proposed: "Valeur proposée",
    decide: "Décision",
    accept: "Accepter",
    refuse: "Refuser",
    reason: "Motif du refus",
    not_plausible: "La valeur n’est pas plausible",
    proof_needed: "Il faut un justificatif",
    not_changeable: "Cette donnée ne se change pas",
    nothing: "aucune",
  },
  en: {
    title: "Proposals of customers",
    none: "Nothing waits for a decision.",
    lead: "The old value stands until you decide.",
    item: "Item",
    old: "Value in force",
    proposed: "Proposed value",
    decide: "Decision",
    accept: "Accept",
    refuse: "Refuse",
    reason: "Reason of the refusal",
    not_plausible: "The value is not plausible",
    proof_needed: "A proof is needed",
    not_changeable: "This cannot be changed",
    nothing: "none",
  },
} as const satisfies Record<Language, object>;

/** Where a person of the holder decides on what no rule decides. */
export function proposalAdmin(admin: ProposalAdmin): Router {
  const router = Router();
  router.use(onlyAdmin(admin));
  router.get("/", (request, response) => show(admin, request, response));
  router.post("/", urlencoded({ extended: false, limit: "8kb" }), (request, response) => decide(admin, request, response));
  return router;
}

/** Lets pass who signs in as this holder's own. */
export function onlyAdmin(admin: Pick<ProposalAdmin, "password">): RequestHandler {
  return (request, response, next) => (isAdmin(admin, request) ? next() : askWho(response));
}

function isAdmin({ password }: Pick<ProposalAdmin, "password">, request: Request): boolean {
  const given = /^Basic ([\w+/=]+)$/.exec(request.get("authorization") ?? "")?.[1] ?? "";
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(Buffer.from(given, "base64").toString()), digest(`admin:${password}`));
}

function askWho(response: Response): void {
  response.status(401).set("www-authenticate", 'Basic realm="proposals", charset="UTF-8"').type("text/plain").send("Sign in as admin.\n");
}

async function show({ name, proposals, library }: ProposalAdmin, request: Request, response: Response): Promise<void> {
  const language = languageOf(request);
  const text = TEXTS[language];
  const rows: string[] = [];
  for (const proposal of proposals.waiting()) rows.push(rowOf(text, proposal, await textOf(library, proposal)));
  const heads = [text.item, text.old, text.proposed, text.decide].map((head) => `<th scope="col">${head}</th>`).join("");
  const table = `<div class="wide" tabindex="0" role="region" aria-label="${text.title}"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
  sendPage(response, 200, {
    language,
    title: `${text.title} · ${name}`,
    body: `<h1>${text.title}</h1><p>${text.lead}</p>${rows.length === 0 ? `<p>${text.none}</p>` : table}`,
  });
}

function rowOf(text: (typeof TEXTS)[Language], { transfer, dataset, key, account, content }: Proposal, old: string | null): string {
  const hidden = Object.entries({ transfer, dataset, key })
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`)
    .join("");
  const options = REASONS.map((reason) => `<option value="${reason}">${text[reason]}</option>`).join("");
  const label = escaped(`${text.reason}: ${account} ${dataset}/${key}`);
  return `<tr><th scope="row">${escaped(account)}<br>${escaped(`${dataset}/${key}`)}</th><td><code>${escaped(old ?? text.nothing)}</code></td><td><code>${escaped(content)}</code></td>
<td><form method="post" action="/admin/proposals">${hidden}<select name="reason" aria-label="${label}">${options}</select>
<button name="outcome" value="accepted">${text.accept}</button> <button name="outcome" value="refused">${text.refuse}</button></form></td></tr>`;
}

/** A value that changed since it was proposed is not written over: the proposal is out of date. */
async function decide({ entityId, proposals, library }: ProposalAdmin, request: Request, response: Response): Promise<void> {
  const origin = request.get("origin");
  if (origin !== undefined && origin !== entityId)
    throw new RelaisError("forbidden", "This form must be sent from the page of proposals itself.");
  const { transfer, dataset, key, outcome, reason } = (request.body ?? {}) as Record<string, unknown>;
  const proposal = proposals.waiting().find((one) => one.transfer === transfer && one.dataset === dataset && one.key === key);
  if (!proposal) throw new RelaisError("conflict", "This proposal was decided before, or was taken back.");
  const old = await textOf(library, proposal);
  const why = REASONS.find((one) => one === reason) ?? "not_plausible";
  const isStale = proposal.base !== (old === null ? null : sha256(old));
  const decision =
    outcome === "accepted" && !isStale
      ? ({ outcome: "accepted" } as const)
      : ({ outcome: "refused", reason: outcome === "accepted" ? "out_of_date" : why } as const);
  proposals.decide(proposal, { ...decision, by: "person", replaced: old });
  response.redirect(303, "/admin/proposals");
}
