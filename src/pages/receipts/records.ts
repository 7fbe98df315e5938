import type { Consent } from "../../core/consent/consent.ts";
import { needsReceipt, type ConsentChange } from "../../core/consent/record-change.ts";
import type { ToldOfConsent } from "../../core/events/outbox.ts";
import type { Reader } from "../../core/ports.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";
import { becauseOf, wordOf } from "./view.ts";

interface Records {
  consent: Consent;
  changes: ConsentChange[];
  told: ToldOfConsent[];
  ends: Pick<Participant, "id" | "name">[];
}

/** Receipts of a consent, and who was told of each change: for `receipts.njk` and `hearers.njk` on the consent's own page. */
export async function readRecords(r: Reader, consent: Consent): Promise<Records> {
  const { sourceId, destinationId, requesterId } = consent;
  const ids = [...new Set([sourceId, destinationId, ...(requesterId === null ? [] : [requesterId])])];
  const names = await r.participants.names(ids);
  return {
    consent,
    changes: (await r.changes.of(consent.id)).filter(needsReceipt),
    told: await r.outbox.ofConsent(consent.id),
    ends: ids.map((id) => ({ id, name: names.get(id) ?? "" })),
  };
}

export function viewOfRecords(tongue: Tongue, records: Records) {
  const { lang, moment } = tongue;
  const { consent, changes } = records;
  const last = changes.at(-1);
  return {
    receipts: changes.map((change) => ({
      text: wordOf(tongue, change),
      at: moment(change.at),
      iso: change.at.toISOString(),
      href: `/${lang}/permissions/${consent.id}/receipts/${change.id}`,
    })),
    because: last?.because ? becauseOf(tongue, consent, last.because) : null,
    hearers: changes.map((change) => ({
      text: wordOf(tongue, change),
      at: moment(change.at),
      lines: linesOf(tongue, change, records),
    })),
    delivered:
      last !== undefined && hasEnded(last)
        ? { destination: consent.notice.destination.name, contact: consent.notice.destination.privacyContact }
        : null,
  };
}

const hasEnded = ({ state }: ConsentChange): boolean => state !== "active" && state !== "suspended" && state !== "refused";

/** Source and destination hear of what was given; only who asked hears of a refusal. */
function linesOf(tongue: Tongue, change: ConsentChange, { consent, told, ends }: Records) {
  const concerned = change.state === "refused" ? ends.filter(({ id }) => id === consent.requesterId) : ends;
  const own = told.filter(({ details }) => details["state"] === change.state && details["at"] === change.at.toISOString());
  return concerned.map(({ id, name }) => ({
    name,
    ...hearingOf(
      tongue,
      change,
      own.find(({ recipientId }) => recipientId === id),
    ),
  }));
}

function hearingOf({ t, moment }: Tongue, change: ConsentChange, notice: ToldOfConsent | undefined) {
  if (notice?.acknowledgedAt)
    return { tag: "govuk-tag--green", word: t("hearer.acknowledged"), text: t("hearer.at", { at: moment(notice.acknowledgedAt) }) };
  if (notice?.givenUpAt) return { tag: "govuk-tag--red", word: t("hearer.givenUp"), text: t("hearer.givenUpText") };
  if (notice) return { tag: "govuk-tag--orange", word: t("hearer.waiting"), text: t("hearer.waitingText") };
  return change.toldAt === null
    ? { tag: "govuk-tag--orange", word: t("hearer.soon"), text: "" }
    : { tag: "govuk-tag--grey", word: t("hearer.none"), text: t("hearer.noneText") };
}
