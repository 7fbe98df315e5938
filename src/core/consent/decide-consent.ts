import type { Language } from "../catalogue/data-set.ts";
import type { Form } from "../conversion/conversions.ts";
import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Mandatary } from "./acts.ts";
import { askParties } from "./ask-parties.ts";
import { ACTS, addMonths, answerBy, type Act, type Consent } from "./consent.ts";
import { actsOf } from "./record-acts.ts";
import { mustBeOpen } from "./start-journey.ts";
import { isReadableIn } from "./notice-text.ts";
import { supersede } from "./succession.ts";

export interface Acceptance {
  consentId: ConsentId;
  personId: PersonId;
  /** What the person ticked: at least one, never more than the notice holds. */
  datasets: string[];
  /** Of the notice's: in which a copy is to be made of each original. None where it is left out. */
  forms?: readonly string[];
  /** The acts that the person said yes to, where they were asked for each one as pages do; a yes takes each of `ACTS`. */
  acts?: readonly Act[];
  /** Hash of the notice that was on the screen: an answer to another notice is refused. */
  noticeHash: string;
  language: Language;
  /** Who acts for the person towards the source; the running Relais where it is left out. */
  mandatary?: Mandatary;
}

const ANONYMOUS: Mandatary = { name: "Relais", entityId: "" };

/** Records that the person says yes; what this changes or renews ends with it. @throws RelaisError `invalid` (nothing or too much ticked, an act missing, no text in this language), `conflict` (already answered, or the notice changed). */
export async function grantConsent(ports: Pick<Ports, "store" | "clock">, answer: Acceptance): Promise<Consent> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const consent = await ownConsent(w, answer.consentId, answer.personId);
    const datasets = ticked(consent, answer.datasets);
    const forms = wantedForms(consent, answer.forms ?? []);
    if (consent.noticeHash !== answer.noticeHash)
      throw new RelaisError("conflict", "The notice changed while you read it. Please read it again.", { actor: "person" });
    mustBeSaid(consent, answer);
    if (answerBy(consent) <= now) throw new RelaisError("consent_ended", "The time to answer this request is over.", { actor: "person" });
    await mustBeOpen(w, consent, now);
    const acts = actsOf(consent, { datasets, forms, mandatary: answer.mandatary ?? ANONYMOUS, at: now });
    const state = await askParties(w, consent, now);
    if (!(await w.permissions.move(consent.id, ["requested"], state, { datasets, forms, decidedAt: now, language: answer.language, acts })))
      throw answered();
    await supersede(w, consent, now);
    return w.consents.get(consent.id);
  });
}

/** Records that the person says no. A refusal is remembered, like a yes. */
export async function refuseConsent(
  ports: Pick<Ports, "store" | "clock">,
  answer: { consentId: ConsentId; personId: PersonId },
): Promise<Consent> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const consent = await ownConsent(w, answer.consentId, answer.personId);
    if (!(await w.permissions.move(consent.id, ["requested"], "refused", { decidedAt: now, endedAt: now, endedBy: "person" })))
      throw answered();
    if (consent.switchId !== null) await w.moves.change(consent.switchId, ["planned"], "abandoned");
    return w.consents.get(consent.id);
  });
}

/** For how many months a refusal is brought up when the same is asked for again. */
const REFUSAL_MONTHS = 6;

/** When the person last refused what this asks for: the same requester, source, destination and purpose. Null where they did not. */
export async function refusedBefore(r: Reader, asked: Consent, now: Date): Promise<Date | null> {
  const since = addMonths(now, -REFUSAL_MONTHS);
  const refused = (await r.consents.list(asked.personId)).filter((one) => one.state === "refused" && isSameAsk(one, asked));
  const times = refused.flatMap(({ endedAt }) => (endedAt !== null && endedAt > since ? [endedAt.getTime()] : []));
  return times.length === 0 ? null : new Date(Math.max(...times));
}

function isSameAsk(one: Consent, other: Consent): boolean {
  const keyOf = ({ requesterId, sourceId, destinationId, action, notice }: Consent) =>
    [requesterId, sourceId, destinationId, action, notice.purpose.iri].join(" ");
  return one.id !== other.id && keyOf(one) === keyOf(other);
}

/** The person's own consent; another person's does not exist for them. */
export async function ownConsent(r: Reader, id: ConsentId, personId: PersonId): Promise<Consent> {
  const consent = await r.consents.get(id);
  if (consent.personId !== personId) throw new RelaisError("not_found", "There is no consent with this id.");
  return consent;
}

function mustBeSaid({ notice, action }: Consent, { acts = ACTS[action], language }: Acceptance): void {
  if (!isReadableIn(notice, language))
    throw new RelaisError("invalid", "This request has no text in this language. It can be read and answered in the other one.", {
      actor: "operator",
    });
  if (!ACTS[action].every((act) => acts.includes(act)))
    throw new RelaisError("invalid", "The mandate and the consent are two acts. A yes takes both.", {
      actor: "person",
      pointers: ["/acts"],
    });
}

function ticked(consent: Consent, datasets: string[]): string[] {
  const offered = new Set(consent.notice.datasets.map((dataset) => dataset.id));
  const wanted = [...new Set(datasets)];
  if (wanted.length === 0)
    throw new RelaisError("invalid", "Tick at least one data set, or refuse.", { actor: "person", pointers: ["/datasets"] });
  if (!wanted.every((id) => offered.has(id)))
    throw new RelaisError("invalid", "A consent can be narrowed, never widened.", { pointers: ["/datasets"] });
  return wanted;
}

function wantedForms({ notice }: Consent, wanted: readonly string[]): Form[] {
  const offered = notice.forms ?? [];
  if (!wanted.every((form) => (offered as readonly string[]).includes(form)))
    throw new RelaisError("invalid", "A copy is made in the forms that the notice names, and in no other.", { pointers: ["/forms"] });
  return offered.filter((form) => wanted.includes(form));
}

function answered(): RelaisError {
  return new RelaisError("conflict", "This request was answered before. You find it among your permissions.", { actor: "person" });
}
