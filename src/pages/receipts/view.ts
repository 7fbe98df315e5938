import { ACTS, type Consent, type EndReason, type Notice } from "../../core/consent/consent.ts";
import type { OwnReceipt } from "../../core/consent/read-receipt.ts";
import type { ConsentChange } from "../../core/consent/record-change.ts";
import { durationOf } from "../permissions/facts.ts";
import type { Tongue } from "../tongue.ts";
import type { PagesPorts } from "../visit.ts";

export interface Fact {
  label: string;
  text: string;
}

/** Everything that the signed receipt says, in words: from the same notice, with the same hash. */
export function viewOfReceipt(
  tongue: Tongue,
  { consent, change, signed }: OwnReceipt,
  { operator, issuer }: Pick<PagesPorts, "operator" | "issuer">,
) {
  const { t, lang, moment } = tongue;
  const { notice } = consent;
  const page = `/${lang}/permissions/${consent.id}`;
  const file = (format: string) => `${page}/receipts/${change.id}/file?format=${format}`;
  const isGiven = consent.decidedAt !== null && change.state !== "refused";
  return {
    title: t("receipt.title", { state: t(`receipt.own.${change.state}`) }),
    lead: t("receipt.lead", { at: moment(change.at), who: t(`actor.${change.by}`) }),
    because: change.because && becauseOf(tongue, consent, change.because),
    permissionHref: page,
    fromTo: t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
    mandateTitle: t(change.state === "refused" ? "receipt.mandateAsked" : "receipt.mandate"),
    mandate: mandateOf(tongue, consent),
    consentTitle: t(change.state === "refused" ? "receipt.consentAsked" : "receipt.consent"),
    facts: (ACTS[notice.action] as readonly string[]).includes("consent") ? factsOf(tongue, consent) : [],
    stop: [
      { label: t("receipt.stop.web"), text: `${issuer}${page}` },
      {
        label: t("receipt.stop.other"),
        text: operator === null ? contactOf(notice.destination) : contactOf({ name: operator.name, privacyContact: operator.contact }),
      },
      { label: t("receipt.rights"), text: t("receipt.rightsText", { contact: contactOf(notice.destination) }) },
      { label: t("receipt.complaint"), text: t("receipt.complaintText") },
    ],
    proof: [
      { label: t("receipt.id"), text: change.id },
      { label: t("verify.consent"), text: consent.id },
      {
        label: t("receipt.notice"),
        text: t("receipt.noticeText", { version: notice.version, language: t(`receipt.language.${change.language}`) }),
      },
      { label: t("verify.notice"), text: consent.noticeHash },
      ...(signed === null ? [] : [{ label: t("verify.logIndex"), text: tongue.number(signed.claims.log.index) }]),
    ],
    files:
      signed === null
        ? []
        : [
            { text: t("receipt.file.jws"), href: file("jws") },
            { text: t("receipt.file.proof"), href: `/log/proof/${signed.claims.log.index}` },
            { text: t("receipt.file.json"), href: file("json") },
            ...(isGiven ? [{ text: t("receipt.file.kantara"), href: file("kantara") }] : []),
          ],
  };
}

const contactOf = ({ name, privacyContact }: { name: string; privacyContact: string }): string => `${name}, ${privacyContact}`;

function titlesOf({ lang }: Tongue, { notice, datasets }: Consent): string {
  const listed = datasets.length > 0 ? notice.datasets.filter(({ id }) => datasets.includes(id)) : notice.datasets;
  return listed.map(({ title }) => title[lang]).join(", ");
}

function mandateOf(tongue: Tongue, consent: Consent): Fact[] {
  const { t } = tongue;
  const { notice } = consent;
  return [
    { label: t("receipt.mandate.towards"), text: contactOf(notice.action === "propose" ? notice.destination : notice.source) },
    {
      label: t("receipt.mandate.object"),
      text: withForms(tongue, consent, t(`receipt.mandate.${notice.action}`, { datasets: titlesOf(tongue, consent) })),
    },
    { label: t("receipt.until"), text: lastDay(tongue, notice) },
  ];
}

function withForms({ t }: Tongue, { forms }: Consent, text: string): string {
  return forms.length === 0 ? text : t("forms.mandate", { text: `${text}.` });
}

function factsOf(tongue: Tongue, consent: Consent): Fact[] {
  const { t, lang, country } = tongue;
  const { notice } = consent;
  const asked = notice.requester === null ? [] : [{ label: t("receipt.asked"), text: notice.requester.name }];
  return [
    ...asked,
    { label: t("receipt.recipient"), text: contactOf(notice.destination) },
    { label: t("receipt.what"), text: titlesOf(tongue, consent) },
    { label: t("receipt.why"), text: notice.purpose.words[lang] },
    {
      label: t("receipt.often"),
      text: notice.recurrence === null ? t("permission.once") : t("permission.every", { period: durationOf(tongue, notice.recurrence) }),
    },
    { label: t("receipt.until"), text: lastDay(tongue, notice) },
    { label: t("receipt.kept"), text: keptOf(tongue, notice) },
    { label: t("receipt.where"), text: country(notice.destination.country) },
  ];
}

function keptOf(tongue: Tongue, { destination, retention }: Notice): string {
  return retention === null
    ? tongue.t("permission.keptUntilDeleted", { destination: destination.name })
    : tongue.t("permission.keptFor", { destination: destination.name, period: durationOf(tongue, retention) });
}

/** A full-date is a day everywhere: noon keeps it the same day in Paris. */
function lastDay({ date }: Tongue, { expires }: Notice): string {
  return date(new Date(`${expires}T12:00:00Z`));
}

/** What changed at whom, before and after; or that its accreditation was revoked. */
export function becauseOf(tongue: Tongue, { sourceId, notice }: Consent, because: EndReason): { text: string; changes: Fact[] } {
  const { t } = tongue;
  const { name } = because.participant === sourceId ? notice.source : notice.destination;
  if (because.kind === "standing") return { text: t("receipt.because.standing", { name }), changes: [] };
  return {
    text: t("receipt.because.terms", { name }),
    changes: because.changes.map(({ what, before, after }) => ({
      label: t(`receipt.term.${what}`),
      text: t("receipt.beforeAfter", { before: termOf(tongue, what, before), after: termOf(tongue, what, after) }),
    })),
  };
}

function termOf({ t, country }: Tongue, what: string, values: string[]): string {
  if (values.length === 0) return t("receipt.term.none");
  return (what === "country" ? values.map(country) : values).join(", ");
}

/** The word of a change in a list. */
export function wordOf({ t }: Tongue, { state }: Pick<ConsentChange, "state">): string {
  return t(`receipt.own.${state}`);
}
