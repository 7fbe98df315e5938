import { FORMS, formsFrom, type Form } from "../conversion/conversions.ts";
import { RelaisError } from "../errors.ts";
import { newId, type JourneyId, type LinkId, type PersonId, type SwitchId } from "../ids.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import { readingFrom, type Act } from "../register/standing.ts";
import type { DataSet, Language } from "../catalogue/data-set.ts";
import type { AccountLink } from "../person/person.ts";
import { mustBeSure } from "./assured.ts";
import { mustBeAllowed } from "./check-consent.ts";
import { areConditionsDue, conditionUnmet, endOf, refusedByConditions, type Refusal } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import { REASONS } from "../policy/reasons.ts";
import { addMonths, PURPOSES, type Before, type Consent, type ConsentAction, type NewConsent, type Notice } from "./consent.ts";
import { noticeHash } from "./notice-hash.ts";
import { textsOf } from "./notice-text.ts";

export interface ConsentRequest {
  personId: PersonId;
  sourceLinkId: LinkId;
  destinationLinkId: LinkId;
  switchId?: SwitchId;
  journeyId?: JourneyId;
  action: ConsentAction;
  /** Data sets asked for; each is offered unticked. Empty: everything that the source gives back. */
  datasets: string[];
  purpose: string;
  recurrence: string | null;
  /** Full-date; at most 13 months ahead. */
  expires: string;
  retention: string | null;
  /** Common forms that are offered beside the originals; where it is left out, each that the source's data can have. */
  forms?: readonly Form[];
  language: Language;
  /** Entity identifier of the participant that asks, or null where the person began at Relais. */
  requester: string | null;
  /** What this changes or renews, and whose wish that is. */
  amends?: { consent: Consent; askedBy: Before["askedBy"] };
}

const MONTHS_AT_MOST = 13;

/**
 * Makes the notice that the person will be shown, and the consent record that waits for their answer.
 * What the holder does not send to this destination is not offered, and the notice says why.
 * @throws RelaisError `not_accredited`, `condition_unmet` (nothing is left to offer), `invalid` (unknown data set, purpose or date), `forbidden` (another person's account).
 */
export async function requestConsent(ports: Pick<Ports, "store" | "clock" | "policy">, request: ConsentRequest): Promise<Consent> {
  return ports.store.write((w) => addConsentRequest(w, request, { policy: ports.policy, now: ports.clock.now() }));
}

/** The writing step, for use cases that write more in the same transaction. */
export async function addConsentRequest(w: Writer, request: ConsentRequest, terms: Terms): Promise<Consent> {
  return w.permissions.add(await newConsent(w, request, terms));
}

interface Terms {
  policy: Policy;
  now: Date;
}

/** What would be asked now, and nothing is written of it. */
export async function newConsent(r: Reader, request: ConsentRequest, terms: Terms): Promise<NewConsent> {
  const { now } = terms;
  const [sourceLink, destinationLink] = await Promise.all([
    ownLink(r, request.personId, request.sourceLinkId),
    ownLink(r, request.personId, request.destinationLinkId),
  ]);
  const source = await r.participants.get(sourceLink.participantId);
  mustBeAllowed(await endOf(r, source), readingAct(request, source), now);
  const destination = await accredited(r, destinationLink.participantId, now);
  const requester = request.requester === null ? null : await accreditedByEntityId(r, request.requester, now);
  const words = await wordsFor(r, source, sourceLink, request.datasets);
  const wanted = request.action === "propose" ? acceptable(request, destination) : offered(request, { source, link: sourceLink, words });
  mustBeSure(
    source,
    sourceLink,
    wanted.map(({ id }) => id),
  );
  const refused = await refusedBy(r, request, { source, destination, datasets: wanted.map(({ id }) => id), ...terms });
  const texts = textsOf(await r.noticeTexts.current());
  const notice = noticeOf(request, { requester, source, destination, texts, ...sorted(wanted, refused) }, now);
  return {
    id: newId("consent"),
    personId: request.personId,
    state: "requested",
    sourceId: source.id,
    destinationId: destination.id,
    sourceLinkId: sourceLink.id,
    destinationLinkId: destinationLink.id,
    switchId: request.switchId ?? null,
    journeyId: request.journeyId ?? null,
    action: request.action,
    datasets: [],
    forms: [],
    notice,
    noticeHash: noticeHash(notice),
    acts: null,
    language: request.language,
    requesterId: requester?.id ?? null,
    supersedes: request.amends?.consent.id ?? null,
    createdAt: now,
    decidedAt: null,
    endedAt: null,
    endedBy: null,
    expiresAt: endOfDay(request.expires, now),
  };
}

function readingAct({ action }: ConsentRequest, source: Participant): Act {
  if (action === "propose") return "proposal";
  return readingFrom(source) === "export_out" ? "export_out" : "new_consent";
}

/** What the organisation says it takes proposals for; nothing at one that publishes no inbox. */
function acceptable({ datasets }: ConsentRequest, { name, endpoints, datasets: catalogue }: Participant): Notice["datasets"] {
  const taken = endpoints.inbox === undefined ? [] : catalogue.filter(({ acceptsProposals }) => acceptsProposals === true);
  const wanted = datasets.length > 0 ? taken.filter(({ id }) => datasets.includes(id)) : taken;
  if (wanted.length > 0 && wanted.length >= datasets.length) return wanted.map((dataset) => describe(dataset.id, dataset));
  throw new RelaisError("invalid", `${name} does not take proposals for this. The register lists what it takes them for.`, {
    actor: "holder",
    pointers: ["/datasets"],
  });
}

interface Wanted {
  source: Participant;
  destination: Participant;
  datasets: string[];
  policy: Policy;
  now: Date;
}

/** @throws RelaisError `condition_unmet` where the holder sends nothing of it to this destination. */
async function refusedBy(r: Reader, request: ConsentRequest, wanted: Wanted): Promise<Refusal[]> {
  if (request.action !== "copy" || !areConditionsDue(wanted.source, request.switchId !== undefined)) return [];
  const ends = { holder: await endOf(r, wanted.source), platform: await endOf(r, wanted.destination) };
  const refused = await refusedByConditions(r, wanted.policy, ends, { ...wanted, sourceLinkId: request.sourceLinkId });
  if (refused.length === wanted.datasets.length) throw conditionUnmet(ends, refused);
  return refused;
}

function sorted(wanted: Notice["datasets"], refused: Refusal[]): Pick<Parts, "datasets" | "withheld"> {
  const reasons = new Map(refused.map((one) => [one.dataset, one.reasons]));
  const withheld = wanted.flatMap(({ id, title }) => {
    const because = reasons.get(id);
    return because ? [{ id, title, because: because.map((reason) => REASONS[reason].sentence) }] : [];
  });
  return { datasets: wanted.filter(({ id }) => !reasons.has(id)), ...(withheld.length > 0 ? { withheld } : {}) };
}

async function ownLink(r: Reader, personId: PersonId, id: LinkId): Promise<AccountLink> {
  const link = await r.people.getLink(id);
  if (link.personId !== personId) throw new RelaisError("not_found", "There is no link with this id.");
  return link;
}

async function accredited(r: Reader, id: Participant["id"], now: Date): Promise<Participant> {
  const participant = await r.participants.get(id);
  mustBeAllowed(await endOf(r, participant), "new_consent", now);
  return participant;
}

async function accreditedByEntityId(r: Reader, entityId: string, now: Date): Promise<Participant> {
  const found = await r.participants.findByEntityId(entityId);
  if (found === null) throw new RelaisError("not_accredited", "The requester is not in the register.");
  return accredited(r, found.id, now);
}

/** A holder describes its own data sets. What lies on a platform came from holders, whose words are used again. */
async function wordsFor(
  r: Reader,
  source: Participant,
  { inventory }: AccountLink,
  asked: readonly string[],
): Promise<Map<string, DataSet>> {
  const named = [...asked, ...(inventory ?? []).map(({ dataset }) => dataset)];
  const catalogue = source.datasets.length > 0 ? source.datasets : await r.registered.datasets(named);
  return new Map(catalogue.map((dataset) => [dataset.id, dataset]));
}

interface Offer {
  source: Participant;
  link: AccountLink;
  words: Map<string, DataSet>;
}

/** A holder offers its catalogue; a platform that is left offers what the account held when it was proved. */
function offered(request: ConsentRequest, { source, link, words }: Offer): Notice["datasets"] {
  const known = source.datasets.length > 0 ? [...words.keys()] : (link.inventory ?? []).map((count) => count.dataset);
  const asked = request.datasets.length > 0 ? request.datasets : known;
  const unknown = asked.filter((id) => !known.includes(id));
  if (unknown.length > 0 || asked.length === 0) throw unknownDataSets(source.name, unknown);
  return asked.map((id) => describe(id, words.get(id)));
}

function unknownDataSets(name: string, unknown: string[]): RelaisError {
  const what = unknown.length > 0 ? `has no data set called ${unknown.slice(0, 5).join(", ")}` : "holds no data set that could be copied";
  return new RelaisError("invalid", `${name} ${what}. The requester can read the list in the register.`, { pointers: ["/datasets"] });
}

function describe(id: string, dataset: DataSet | undefined): Notice["datasets"][number] {
  if (dataset) return { id, title: dataset.title, description: dataset.description, example: dataset.example, kind: dataset.kind };
  const words = { fr: id, en: id };
  return { id, title: words, description: words, example: words, kind: "transactional" };
}

interface Parts {
  requester: Participant | null;
  source: Participant;
  destination: Participant;
  datasets: Notice["datasets"];
  withheld?: NonNullable<Notice["withheld"]>;
  texts: NonNullable<Notice["texts"]>;
}

function noticeOf(request: ConsentRequest, parts: Parts, now: Date): Notice {
  const purpose = PURPOSES.find((known) => known.iri === request.purpose);
  if (!purpose) throw new RelaisError("invalid", "The purpose is not one of the list in the register.", { pointers: ["/purpose"] });
  endOfDay(request.expires, now);
  const forms = formsFor(request, parts);
  return {
    version: "2026-11",
    requester: parts.requester && { entityId: parts.requester.entityId, name: parts.requester.name },
    source: party(parts.source),
    destination: { ...party(parts.destination), ...moreOf(parts.destination) },
    action: request.action,
    datasets: parts.datasets,
    ...(parts.withheld ? { withheld: parts.withheld } : {}),
    purpose,
    recurrence: request.recurrence,
    expires: request.expires,
    retention: request.retention,
    ...(forms.length > 0 ? { forms } : {}),
    texts: parts.texts,
    ...(request.amends ? { before: beforeOf(request.amends) } : {}),
  };
}

/** What a person leaves behind at a platform moves as it is; so does a proposal. */
function formsFor({ action, switchId, forms: wanted = FORMS }: ConsentRequest, { source, datasets }: Parts): Form[] {
  if (action !== "copy" || switchId !== undefined) return [];
  const named = new Set(datasets.map(({ id }) => id));
  const types = source.datasets.filter(({ id }) => named.has(id)).flatMap(({ mediaTypes }) => mediaTypes);
  return formsFrom(types).filter((form) => wanted.includes(form));
}

function beforeOf({ consent, askedBy }: NonNullable<ConsentRequest["amends"]>): Before {
  const { datasets, recurrence, expires, retention } = consent.notice;
  const { forms } = consent;
  const given = new Set(consent.datasets);
  return {
    consent: consent.id,
    datasets: datasets.filter(({ id }) => given.has(id)).map(({ id, title }) => ({ id, title })),
    recurrence,
    expires,
    retention,
    ...(forms.length > 0 ? { forms } : {}),
    askedBy,
  };
}

function party(participant: Participant): Notice["source"] {
  const { entityId, name, about } = participant;
  return { entityId, name, country: about.country, privacyContact: about.privacyContact };
}

/** Who else has it there, and what else for: absent where nothing of it is published. */
function moreOf({ about: { processors = [], purposes = [] } }: Participant): Pick<Notice["destination"], "processors" | "purposes"> {
  return { ...(processors.length > 0 ? { processors } : {}), ...(purposes.length > 0 ? { purposes } : {}) };
}

function endOfDay(fullDate: string, now: Date): Date {
  const end = new Date(`${fullDate}T23:59:59.999Z`);
  const latest = addMonths(now, MONTHS_AT_MOST);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(fullDate) || Number.isNaN(end.getTime()) || end <= now || end > latest) {
    throw new RelaisError("invalid", `The end of the consent must be a day between today and ${MONTHS_AT_MOST} months from now.`, {
      pointers: ["/expires"],
    });
  }
  return end;
}
