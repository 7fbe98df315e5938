import type {
  ConsentDetails,
  Finding,
  MarkDetails,
  Party,
  ProofDetails,
  TransferDetails,
  Verdict,
} from "../../core/verification/verdict.ts";
import type { Tongue } from "../tongue.ts";

/** Colour and words always come together. */
const TAGS = {
  active: "govuk-tag--green",
  holds: "govuk-tag--green",
  suspended: "govuk-tag--orange",
  revoked: "govuk-tag--red",
  expired: "govuk-tag--grey",
  forged: "govuk-tag--red",
  contradicted: "govuk-tag--red",
  unknown_key: "govuk-tag--orange",
  not_ours: "govuk-tag--grey",
  unreadable: "govuk-tag--grey",
} as const satisfies Record<Finding, string>;

/** The panel of the verdict: it can be relied on, it must not be, or nothing is known. */
const PANELS = {
  "govuk-tag--green": "rl-news",
  "govuk-tag--orange": "rl-point",
  "govuk-tag--red": "rl-point",
  "govuk-tag--grey": "rl-todo",
} as const satisfies Record<(typeof TAGS)[Finding], string>;

/** A fact in words, and the page that says more of it. */
interface Fact {
  label: string;
  text: string;
  href: string | null;
}

/** The verdict in plain words. Nothing that was handed in becomes a link: only what the register itself knows does. */
export function viewOfVerdict(tongue: Tongue, { kind, finding, about, details, checks, unchecked, command }: Verdict) {
  const { t } = tongue;
  return {
    kind: t(`verify.kind.${kind}`),
    tag: { text: t(`verify.tag.${finding}`), classes: TAGS[finding] },
    panel: PANELS[TAGS[finding]],
    says: kind === "log_proof" && finding === "holds" ? t("verify.says.inLog") : t(`verify.says.${finding}`),
    facts: [...(about === null ? [] : [partyFact(tongue, t("verify.about"), about)]), ...factsOf(tongue, details)],
    checks: checks.map(({ check, holds }) => ({
      text: t(`verify.check.${check}`),
      tag: { text: t(holds ? "verify.holds" : "verify.fails"), classes: holds ? "govuk-tag--green" : "govuk-tag--red" },
    })),
    unchecked: unchecked.map((one) => t(`verify.unchecked.${one}`)),
    command,
  };
}

function factsOf(tongue: Tongue, details: Verdict["details"]): Fact[] {
  if (details === null) return [];
  const facts =
    "consent" in details
      ? consentFacts(tongue, details)
      : "log" in details
        ? proofFacts(tongue, details)
        : "items" in details
          ? transferFacts(tongue, details)
          : markFacts(tongue, details);
  return facts.filter(({ text }) => text !== "");
}

const plain = (label: string, text: string | null): Fact => ({ label, text: text ?? "", href: null });

function partyFact({ lang }: Tongue, label: string, { entityId, known }: Party): Fact {
  return known === null
    ? plain(label, shortened(entityId))
    : { label, text: `${known.name} (${entityId})`, href: `/${lang}/register/${known.id}` };
}

/** A foreign name may be of any length. */
function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function markFacts({ t, date, number }: Tongue, { level, charter, issuedAt, expiresAt, logIndex }: MarkDetails): Fact[] {
  return [
    plain(t("verify.level"), level === null ? null : number(level)),
    plain(t("verify.charter"), charter),
    plain(t("verify.issued"), issuedAt && date(issuedAt)),
    plain(t("verify.until"), expiresAt && date(expiresAt)),
    { label: t("verify.logIndex"), text: logIndex === null ? "" : number(logIndex), href: `/log/entry/${logIndex}` },
  ];
}

function transferFacts(
  tongue: Tongue,
  { transfer, source, destination, signedBy, observed, signedAt, items, bytes, omissions }: TransferDetails,
): Fact[] {
  const { t, number } = tongue;
  const signer = signedBy.known?.name ?? shortened(signedBy.entityId);
  return [
    plain(t("verify.transfer"), transfer),
    partyFact(tongue, t("verify.source"), source),
    partyFact(tongue, t("verify.destination"), destination),
    plain(t("verify.signedBy"), observed ? t("verify.observed", { name: signer }) : signer),
    plain(t("verify.signedAt"), signedAt && tongue.moment(signedAt)),
    plain(t("verify.items"), t("verify.itemsOf", { count: items, bytes: tongue.bytes(bytes) })),
    plain(t("verify.omissions"), number(omissions)),
  ];
}

function consentFacts(tongue: Tongue, { consent, state, at, source, destination, noticeHash, logIndex, standing }: ConsentDetails): Fact[] {
  const { t, moment, number } = tongue;
  return [
    plain(t("verify.consent"), consent),
    plain(t("verify.consentState"), t("verify.stateOn", { state: t(`receipt.state.${state}`), at: moment(at) })),
    plain(t("verify.consentNow"), t(`verify.consentNow.${standing}`)),
    partyFact(tongue, t("verify.source"), source),
    partyFact(tongue, t("verify.destination"), destination),
    plain(t("verify.notice"), noticeHash),
    { label: t("verify.logIndex"), text: number(logIndex), href: `/log/entry/${logIndex}` },
  ];
}

function proofFacts({ t, lang, number, moment }: Tongue, { index, entry, at, decision, standing }: ProofDetails): Fact[] {
  const what = entry === null ? "" : t("verify.entryAt", { what: t(`verify.entry.${entry}`), index: number(index) });
  return [
    { label: t("verify.entry"), text: what, href: `/log/entry/${index}` },
    plain(t("verify.at"), at && moment(at)),
    { label: t("verify.decision"), text: decision ?? "", href: `/${lang}/decisions/${decision}` },
    plain(t("verify.standing"), standing && t(`register.status.${standing}`)),
  ];
}
