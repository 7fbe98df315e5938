import { setTimeout as sleep } from "node:timers/promises";
import { Router, type Request, type Response } from "express";
import type { Interaction, Provider } from "oidc-provider";
import type { Language } from "../core/catalogue/data-set.ts";
import { amendConsent } from "../core/consent/amend-consent.ts";
import { checkStanding } from "../core/consent/check-consent.ts";
import type { Consent } from "../core/consent/consent.ts";
import { ownConsent } from "../core/consent/decide-consent.ts";
import { takeUpOrAsk } from "../core/consent/take-up-request.ts";
import { asRelaisError, RelaisError } from "../core/errors.ts";
import { asId, randomToken, type ConsentId, type ParticipantId, type PersonId } from "../core/ids.ts";
import type { AccountLink, Session } from "../core/person/person.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { Clock, OauthRecords, Store } from "../core/ports.ts";
import { onlyDetail } from "./authorization-details.ts";
import { grantOf, liveConsentOf } from "./grants.ts";
import { detailOf } from "./live-consent.ts";
import { apiResource, TRANSFERS_SCOPE } from "./names.ts";

interface Ports {
  store: Store;
  clock: Clock;
  policy: Policy;
  records: OauthRecords;
  issuer: string;
  provider: () => Provider;
}

/** The person's way through a request of a platform: sign in, prove both accounts, decide, go back to the platform. */
export function interactionRoutes(ports: Ports): Router {
  const router = Router();
  router.get("/interaction/:uid", (req, res) => begin(ports, req, res));
  router.get("/interaction/:uid/finish", (req, res) => finish(ports, req, res));
  return router;
}

interface Visit {
  interaction: Interaction;
  session: Session;
  language: Language;
}

/** Null where the person was sent to sign in first. */
async function visitOf({ provider }: Ports, req: Request, res: Response): Promise<Visit | null> {
  const interaction = await provider()
    .interactionDetails(req, res)
    .catch((cause: unknown) => expired(cause));
  if (interaction.uid !== req.params.uid) expired();
  const language = languageOf(req, interaction);
  const session = (res.locals.session ?? null) as Session | null;
  if (session === null) res.redirect(303, `/${language}/sign-in?next=${encodeURIComponent(`/interaction/${interaction.uid}`)}`);
  return session && { interaction, session, language };
}

function expired(cause?: unknown): never {
  throw new RelaisError("not_found", "This request is over, or was begun in another browser. Go back to the platform and begin again.", {
    actor: "person",
    cause,
  });
}

function languageOf(req: Request, interaction: Interaction): Language {
  const { ui_locales: locales } = interaction.params;
  const asked = typeof locales === "string" ? locales.split(" ").map((tag) => tag.slice(0, 2).toLowerCase()) : [];
  const found = asked.find((tag) => tag === "fr" || tag === "en") ?? req.acceptsLanguages(["fr", "en"]);
  return found === "en" ? "en" : "fr";
}

async function begin(ports: Ports, req: Request, res: Response): Promise<void> {
  const visit = await visitOf(ports, req, res);
  if (visit === null) return;
  const { interaction, session, language } = visit;
  const accounts = await findAccounts(ports, session.personId, onlyDetail(interaction.params.authorization_details));
  if (accounts.missing !== null)
    return res.redirect(303, `/${language}/accounts/${accounts.missing}?next=${encodeURIComponent(`/interaction/${interaction.uid}`)}`);
  try {
    const consentId = await consentOf(ports, visit, accounts.links);
    res.redirect(303, decidePage(visit, consentId));
  } catch (error) {
    const refusal = asRelaisError(error);
    if (refusal.code === "assurance_too_low")
      return res.redirect(303, surerPage(visit, accounts.links.source.participantId, String(refusal.details["least"])));
    await refuseToClient(ports, req, res, refusal);
  }
}

function decidePage({ interaction, language }: Visit, consentId: string): string {
  return `/${language}/permissions/${consentId}/decide?next=${encodeURIComponent(`/interaction/${interaction.uid}/finish`)}`;
}

/** Where the person signs in at the holder again, because it has to be surer of who they are; and then comes back. */
function surerPage({ interaction, language }: Visit, holder: ParticipantId, level: string): string {
  return `/${language}/accounts/${holder}?${new URLSearchParams({ next: `/interaction/${interaction.uid}`, level })}`;
}

interface Links {
  source: AccountLink;
  destination: AccountLink;
}
type Accounts = { missing: null; links: Links } | { missing: ParticipantId };

/** The newest proved account at each end. Where one is missing, the participant to prove it at. */
function findAccounts({ store }: Ports, personId: PersonId, detail: { locations: [string]; destination: string }): Promise<Accounts> {
  return store.read(async (r) => {
    const [source, destination] = await Promise.all(
      [detail.locations[0], detail.destination].map((entityId) => r.participants.findByEntityId(entityId)),
    );
    if (!source || !destination) throw new RelaisError("not_accredited", "One of the two participants left the register.");
    const links = (await r.people.listLinks(personId)).sort((a, b) => b.provedAt.getTime() - a.provedAt.getTime());
    const at = (id: ParticipantId) => links.find((link) => link.participantId === id);
    const [sourceLink, destinationLink] = [at(source.id), at(destination.id)];
    if (!sourceLink) return { missing: source.id };
    if (!destinationLink) return { missing: destination.id };
    return { missing: null, links: { source: sourceLink, destination: destinationLink } };
  });
}

const MODEL = "InteractionConsent";
const CLAIM_SECONDS = 10;
const INTERACTION_SECONDS = 3600;

/**
 * One interaction asks for one consent, however often its page is loaded, also in parallel. Where an earlier one of the same content was left
 * behind, its consent is the one (`takeUpOrAsk`).
 */
async function consentOf(ports: Ports, visit: Visit, links: Links): Promise<ConsentId> {
  const id = `${visit.interaction.uid} ${visit.session.personId}`;
  for (let waited = 0; waited < CLAIM_SECONDS * 1000; waited += 100) {
    const known = await rememberedConsent(ports, id);
    if (known !== null) return known;
    if (await ports.records.insertOnce({ model: MODEL, id, payload: {}, expiresAt: inSeconds(CLAIM_SECONDS) })) {
      const consent = await askForConsent(ports, visit, links);
      await ports.records.put({ model: MODEL, id, payload: { consentId: consent.id }, expiresAt: inSeconds(INTERACTION_SECONDS) });
      return consent.id;
    }
    await sleep(100);
  }
  throw new RelaisError("conflict", "The request is being prepared in another tab. Reload this page.", { actor: "person" });
}

async function rememberedConsent({ records }: Ports, id: string): Promise<ConsentId | null> {
  const found = await records.find(MODEL, id);
  return found?.payload.consentId === undefined ? null : asId("consent", found.payload.consentId);
}

function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}

async function askForConsent(ports: Ports, { interaction, session, language }: Visit, links: Links): Promise<Consent> {
  const detail = onlyDetail(interaction.params.authorization_details);
  const { datasets, expires, recurrence = null, retention = null } = detail;
  const requester = String(interaction.params.client_id);
  const asked = { personId: session.personId, datasets, expires, recurrence, retention, language, requester };
  const replaced = await replacedConsent(ports, interaction);
  if (replaced !== null) return amendConsent(ports, { ...asked, consentId: replaced });
  return takeUpOrAsk(ports, {
    ...asked,
    sourceLinkId: links.source.id,
    destinationLinkId: links.destination.id,
    action: detail.actions[0],
    purpose: detail.purpose,
  });
}

/** The grant that the request would replace (Grant Management §5), or null. */
function replacedGrantId({ params }: Interaction): string | null {
  return params["grant_management_action"] === "replace" ? String(params["grant_id"]) : null;
}

async function replacedConsent({ provider, store }: Ports, interaction: Interaction): Promise<ConsentId | null> {
  const grantId = replacedGrantId(interaction);
  if (grantId === null) return null;
  const grant = await grantOf(provider(), String(interaction.params.client_id), grantId);
  const consent = grant === null ? null : await liveConsentOf(store, grant);
  if (consent === null) throw new RelaisError("consent_ended", "The permission that this would change has ended.");
  return consent.id;
}

async function finish(ports: Ports, req: Request, res: Response): Promise<void> {
  const visit = await visitOf(ports, req, res);
  if (visit === null) return;
  const consentId = await rememberedConsent(ports, `${visit.interaction.uid} ${visit.session.personId}`);
  if (consentId === null) return res.redirect(303, `/interaction/${visit.interaction.uid}`);
  const consent = await ports.store.read((r) => ownConsent(r, consentId, visit.session.personId));
  if (consent.state === "requested") return res.redirect(303, decidePage(visit, consent.id));
  if (consent.state === "suspended")
    return refuseToClient(ports, req, res, new RelaisError("consent_ended", "The permission waits for an approval. Ask again later."));
  if (consent.state !== "active") return refuseToClient(ports, req, res, new RelaisError("consent_ended", "The person did not allow it."));
  await grant(ports, req, res, { ...visit, consent });
}

async function grant(
  ports: Ports,
  req: Request,
  res: Response,
  { interaction, session, consent }: Visit & { consent: Consent },
): Promise<void> {
  const { store, clock, policy, issuer } = ports;
  const provider = ports.provider();
  const standing = await store.read((r) => checkStanding(r, consent, { policy, now: clock.now() }));
  const grantId = await grantIdFor(ports, interaction);
  if (!(await store.write((w) => w.permissions.handOver(consent.id, grantId)))) return refuseToClient(ports, req, res, wentBefore());
  const names = { jti: grantId, accountId: session.personId, clientId: String(interaction.params.client_id) };
  const record = new provider.Grant(names);
  record.addRar(detailOf(standing));
  record.addResourceScope(apiResource(issuer), TRANSFERS_SCOPE);
  await record.save();
  await forgetOtherPerson(ports, interaction, session.personId);
  await provider.interactionFinished(
    req,
    res,
    { login: { accountId: session.personId, remember: false }, consent: { grantId } },
    { mergeWithLastSubmission: false },
  );
}

/** Two requests of the same content at once share the consent until one of them is answered. */
function wentBefore(): RelaisError {
  return new RelaisError("consent_ended", "This permission was handed on by another request already. Ask again.", { actor: "platform" });
}

const GRANT_MODEL = "InteractionGrant";

/** One interaction gives one grant, however often its end is loaded, also in parallel; what is replaced keeps its name. */
async function grantIdFor({ records }: Ports, interaction: Interaction): Promise<string> {
  const replaced = replacedGrantId(interaction);
  if (replaced !== null) return replaced;
  const grantId = randomToken();
  const record = { model: GRANT_MODEL, id: interaction.uid, payload: { grantId }, expiresAt: inSeconds(INTERACTION_SECONDS) };
  if (await records.insertOnce(record)) return grantId;
  return String((await records.find(GRANT_MODEL, interaction.uid))?.payload.grantId);
}

/** Where the browser last authorized as somebody else, the provider's own session is left behind instead of being shown as a conflict. */
async function forgetOtherPerson({ provider }: Ports, interaction: Interaction, personId: PersonId): Promise<void> {
  const before = interaction.session;
  if (before?.accountId === undefined || before.accountId === personId) return;
  await (await provider().Session.findByUid(before.uid))?.destroy();
  Reflect.deleteProperty(interaction, "session");
  await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)));
}

async function refuseToClient({ provider }: Ports, req: Request, res: Response, error: RelaisError): Promise<void> {
  if (error.code === "internal" || error.code === "unavailable") throw error;
  await provider().interactionFinished(
    req,
    res,
    { error: "access_denied", error_description: error.message },
    { mergeWithLastSubmission: false },
  );
}
