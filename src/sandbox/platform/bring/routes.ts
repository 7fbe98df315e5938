import { Router, urlencoded, type Request, type Response } from "express";
import { asRelaisError, RelaisError } from "../../../core/errors.ts";
import type { Account } from "../../accounts/accounts.ts";
import { languageOf, sendPage } from "../../pages/page.ts";
import type { BegunRequests } from "./begun.ts";
import { browserOf, nameBrowser } from "./browser-cookie.ts";
import type { PlatformClient } from "../../../sdk-client/platform-client.ts";
import type { Deliveries, Delivery } from "./deliveries.ts";
import { deliveryPage, refusalPage } from "./delivery-page.ts";
import { type Holder, readHolders } from "./holders.ts";
import { bringSection } from "./section.ts";

export interface Bring {
  name: string;
  /** Our own address, without a slash at its end. */
  entityId: string;
  /** Relais' issuer. */
  relais: string;
  client: PlatformClient;
  begun: BegunRequests;
  deliveries: Deliveries;
  /** The person signed in to our pages, or null. */
  personOf: (request: Request) => Account | null;
  /** Our own name of the account to which this transfer was announced; null before that. */
  accountOf: (transfer: string) => string | null;
}

export const CALLBACK = "/bring/callback";

type Handler = (bring: Bring, person: Account, request: Request, response: Response) => Promise<void> | void;

/** The platform asks Relais for a person's data: the request, the person's answer, and the transfer that comes of it. */
export function bringRoutes(bring: Bring): Router {
  const router = Router();
  const form = urlencoded({ extended: false, limit: "16kb" });
  const on = (handler: Handler) => (request: Request, response: Response) => answer(bring, handler, request, response);
  router.post("/bring", form, on(begin));
  router.get(CALLBACK, on(comeBack));
  router.get("/bring/:id", on(showDelivery));
  router.post("/bring/:id", form, on(askAgain));
  return router;
}

/** What goes wrong is told to the person as a page. */
async function answer(bring: Bring, handler: Handler, request: Request, response: Response): Promise<void> {
  try {
    const person = bring.personOf(request);
    if (person === null) throw new RelaisError("forbidden", "Nobody is signed in.", { actor: "person" });
    await handler(bring, person, request, response);
  } catch (thrown) {
    const error = asRelaisError(thrown);
    if (error.code === "internal") throw thrown;
    const language = languageOf(request);
    sendPage(response, STATUS[error.code] ?? 502, { language, title: bring.name, body: refusalPage(language, error) });
  }
}

/** That a person said no is no failure. */
const STATUS: Partial<Record<RelaisError["code"], number>> = {
  consent_missing: 200,
  unauthenticated: 400,
  forbidden: 403,
  invalid: 400,
  not_found: 404,
  peer_unavailable: 503,
};

/** The part of a person's own page that starts here. The page stands without it where Relais does not answer. */
export function bringPart({ deliveries }: Bring, person: Account, request: Request, holders: Holder[] | null): string {
  const { missing } = request.query;
  return bringSection({
    language: languageOf(request),
    holders,
    deliveries: deliveries.of(person.id),
    missing: typeof missing === "string" ? missing : null,
  });
}

async function begin(bring: Bring, person: Account, request: Request, response: Response): Promise<void> {
  refuseForeign(bring, request);
  const { holder: id, datasets } = (request.body ?? {}) as Record<string, unknown>;
  const holder = (await readHolders(bring.relais)).find((one) => one.id === id);
  if (holder === undefined)
    throw new RelaisError("not_accredited", "The holder is not in the register, or has no accreditation in force.", { actor: "holder" });
  const chosen = chosenOf(holder, datasets);
  if (chosen.length === 0) return response.redirect(303, `/?missing=${encodeURIComponent(holder.id)}#bring`);
  const pending = await bring.client.begin({ holder: holder.entityId, datasets: chosen, language: languageOf(request) });
  const browser = nameBrowser(request, response, bring.entityId.startsWith("https:"));
  bring.begun.keep({ pending, account: person.id, browser, holder: holder.name });
  response.redirect(303, pending.url.href);
}

function chosenOf({ datasets }: Holder, given: unknown): string[] {
  const ticked = new Set([given].flat());
  return datasets.map(({ id }) => id).filter((id) => ticked.has(id));
}

/** The person's answer (RFC 6749 §4.1.2, RFC 9207). It is used up before anything is asked of Relais: a replay finds nothing. */
async function comeBack(bring: Bring, person: Account, request: Request, response: Response): Promise<void> {
  const { pending, holder } = bring.begun.take(request.query["state"], { account: person.id, browser: browserOf(request) });
  const grant = await pending.redeem(new URL(bring.entityId + request.originalUrl));
  const delivery = bring.deliveries.add({ account: person.id, holder, grant });
  // A failure here loses nothing: the page of the delivery tells it, and offers to ask again.
  await attempt(() => start(delivery));
  response.redirect(303, `/bring/${delivery.id}`);
}

async function start(delivery: Delivery): Promise<void> {
  delivery.transfer ??= await delivery.grant.requestTransfer(delivery.id);
}

async function askAgain(bring: Bring, person: Account, request: Request, response: Response): Promise<void> {
  refuseForeign(bring, request);
  const delivery = bring.deliveries.get(String(request.params["id"]), person.id);
  const refusal = await attempt(() => start(delivery));
  if (refusal === null) return response.redirect(303, `/bring/${delivery.id}`);
  sendDelivery(bring, delivery, refusal, request, response);
}

async function showDelivery(bring: Bring, person: Account, request: Request, response: Response): Promise<void> {
  const delivery = bring.deliveries.get(String(request.params["id"]), person.id);
  const { transfer } = delivery;
  const refusal =
    transfer &&
    (await attempt(async () => {
      delivery.transfer = await delivery.grant.readTransfer(transfer.id);
    }));
  sendDelivery(bring, delivery, refusal, request, response);
}

async function attempt(work: () => Promise<void>): Promise<RelaisError | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof RelaisError) return error;
    throw error;
  }
}

function sendDelivery(bring: Bring, delivery: Delivery, refusal: RelaisError | null, request: Request, response: Response): void {
  const language = languageOf(request);
  const arrivesAt = delivery.transfer && bring.accountOf(delivery.transfer.id);
  const isElsewhere = arrivesAt !== null && arrivesAt !== delivery.account;
  sendPage(response, 200, {
    language,
    title: bring.name,
    body: deliveryPage({ language, delivery, refusal, isElsewhere, relais: bring.relais }),
  });
}

/** A browser names the page that sends a form (Fetch §3.2): only our own may ask in a person's name. */
function refuseForeign({ entityId }: Bring, request: Request): void {
  const origin = request.get("origin");
  if (origin !== undefined && origin !== new URL(entityId).origin)
    throw new RelaisError("invalid", "This form was sent from another site.", { actor: "person" });
}
