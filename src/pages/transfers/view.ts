import type { Consent } from "../../core/consent/consent.ts";
import { LEFT_AS_IT_IS } from "../../core/transfer/converted-copies.ts";
import type { OmissionReason } from "../../core/transfer/manifest.ts";
import type { TransferView } from "../../core/transfer/read-transfer.ts";
import {
  isTerminal,
  type Progress,
  type Transfer,
  type TransferEvent,
  type TransferItem,
  type TransferState,
} from "../../core/transfer/transfer.ts";
import { viewOfProposals } from "../journey/proposal-view.ts";
import type { Tongue } from "../tongue.ts";
import { chartOf } from "./chart.ts";
import { viewOfCopies } from "./copies-view.ts";
import { viewOfIncrement } from "./increment-view.ts";

const TAGS = {
  scheduled: "govuk-tag--grey",
  queued: "govuk-tag--grey",
  fetching: "govuk-tag--blue",
  delivering: "govuk-tag--blue",
  delivered: "govuk-tag--blue",
  received: "govuk-tag--teal",
  verified: "govuk-tag--green",
  paused: "govuk-tag--yellow",
  partial: "govuk-tag--orange",
  failed: "govuk-tag--red",
  cancelled: "govuk-tag--grey",
  expired: "govuk-tag--grey",
} as const satisfies Record<TransferState, string>;

/** Everything that is known of one transfer; the consent gives the data sets their names. */
export type Story = TransferView & { consent: Consent; proposed?: TransferItem[] | null };

export function tagOf({ t }: Tongue, state: TransferState) {
  return { text: t(`transfer.state.${state}`), classes: TAGS[state] };
}

export function rowOfTransfer(tongue: Tongue, transfer: Transfer, names: Map<string, string>) {
  return {
    title: tongue.t("transfer.fromTo", {
      source: names.get(transfer.sourceId) ?? "?",
      destination: names.get(transfer.destinationId) ?? "?",
    }),
    tag: tagOf(tongue, transfer.state),
    createdAt: tongue.moment(transfer.createdAt),
    iso: transfer.createdAt.toISOString(),
    datasets: tongue.t("permission.count", { count: transfer.datasets.length }),
    href: `/${tongue.lang}/me/transfers/${transfer.id}`,
  };
}

export function viewOfTransfer(tongue: Tongue, story: Story) {
  const { t, lang } = tongue;
  const { transfer, source, destination } = story;
  const names = { source: source.name, destination: destination.name };
  const rows = rowsOf(tongue, story);
  const base = `/${lang}/me/transfers/${transfer.id}`;
  const proposals = proposalsOf(tongue, story, names);
  const increment = viewOfIncrement(tongue, { ...story, names });
  return {
    id: transfer.id,
    title: t("transfer.fromTo", names),
    state: tagOf(tongue, transfer.state),
    sentence:
      proposals?.sentence ??
      (transfer.state === "verified" ? increment?.sentences.join(" ") : null) ??
      t(`transfer.sentence.${transfer.state}`, names),
    increment: increment === null || transfer.state === "verified" ? null : increment.sentences.join(" "),
    copies: viewOfCopies(tongue, story.events),
    countsNote: increment === null ? null : t("increment.counts"),
    proposals,
    why: whyOf(tongue, transfer),
    isLive: !isTerminal(transfer.state),
    revision: revisionOf(story),
    custody: custodyOf(tongue, story),
    progress: progressOf(tongue, story),
    rows,
    chart: chartOf(tongue, rows),
    lines: story.events.map((event) => lineOf(tongue, event, { names, isProposal: story.consent.action === "propose" })),
    omissions: omissionsOf(tongue, story),
    documents: story.documents.map(({ kind, createdAt }) => ({
      kind,
      title: t(`document.${kind}`),
      at: tongue.moment(createdAt),
      href: `${base}/${kind}`,
    })),
    hrefs: { here: base, events: `${base}/events`, cancel: `${base}/cancel`, permission: `/${lang}/permissions/${transfer.consentId}` },
    // From `received` on, the destination holds it: there is nothing left to cancel.
    canCancel: !isTerminal(transfer.state) && transfer.state !== "received",
  };
}

/** Differs when the page of a transfer has more to say than numbers: what a page was made from, and what the live news compare with. */
export function revisionOf({ transfer, events }: Story): string {
  return `${transfer.state}:${events.length}`;
}

function proposalsOf(tongue: Tongue, { proposed, consent, transfer }: Story, names: { source: string; destination: string }) {
  if (!proposed) return null;
  const titles = new Map(consent.notice.datasets.map(({ id, title }) => [id, title[tongue.lang]]));
  return viewOfProposals(tongue, { items: proposed, titles, names, state: transfer.state });
}

const UNCOUNTED = { expected: 0, sent: 0, stored: 0, verified: 0, omitted: 0, bytes: 0 };

/** Data set × consented, sent, stored, verified: the reconciliation in numbers. */
function rowsOf({ lang }: Tongue, { consent, transfer, progress, events }: Story) {
  // Rows exist before the source has answered: no number is shown until it has.
  const hasCounted = events.some(({ kind, details }) => kind === "source_counted" || (kind === "changes_listed" && "items" in details));
  const titles = new Map(consent.notice.datasets.map(({ id, title }) => [id, title[lang]]));
  const counts = new Map(progress.map((row) => [row.dataset, row]));
  return transfer.datasets.map((dataset) => {
    const row = { ...UNCOUNTED, ...counts.get(dataset), dataset };
    return { ...row, title: titles.get(dataset) ?? dataset, isCounted: (hasCounted && counts.has(dataset)) || row.expected > 0 };
  });
}

/** Stored against expected. An item that cannot move is accounted for, never counted as stored. */
export function progressOf(tongue: Tongue, story: Story) {
  const { t, number, bytes } = tongue;
  const rows = rowsOf(tongue, story).map((row) => ({
    dataset: row.dataset,
    title: row.title,
    value: row.stored,
    max: Math.max(row.expected, 1),
    text: row.isCounted
      ? t("progress.row", { stored: number(row.stored), expected: number(row.expected), size: bytes(row.bytes) })
      : t("progress.notCounted"),
  }));
  const sum = (pick: (row: Progress) => number) => story.progress.reduce((total, row) => total + pick(row), 0);
  const expected = sum((row) => row.expected);
  const isNothingNew =
    viewOfIncrement(tongue, { ...story, names: { source: story.source.name, destination: story.destination.name } })?.items === 0;
  const text =
    expected === 0
      ? t(isNothingNew ? "increment.progress" : "progress.notCounted")
      : t("progress.total", { stored: number(sum((row) => row.stored)), expected: number(expected), omitted: sum((row) => row.omitted) });
  return { rows, text };
}

function whyOf({ t }: Tongue, { state, reason, actor }: Transfer) {
  if (reason === null || state === "verified" || state === "partial") return null;
  const isOwnStop = state === "cancelled" && actor === "person";
  return {
    text: isOwnStop ? t("transfer.whyStopped") : t(`problem.${reason}.meaning`),
    how: isOwnStop ? t("transfer.whyStoppedHow") : t(`problem.${reason}.how`),
    who: t("transfer.whoMends", { who: t(`actor.${actor ?? "relais"}`) }),
    code: reason,
  };
}

type Station = "source" | "relais" | "destination";

/** Who answers for the data in each state: the holder until it is in the person's hands (S-090), Relais carries for it meanwhile. */
const CUSTODY = {
  scheduled: ["source"],
  queued: ["source"],
  fetching: ["source", "relais"],
  delivering: ["source", "relais"],
  delivered: ["source", "relais"],
  paused: ["source"],
  received: ["destination"],
  verified: ["destination"],
  partial: ["source", "destination"],
  failed: ["source"],
  cancelled: ["source"],
  expired: ["source"],
} as const satisfies Record<TransferState, readonly Station[]>;

function custodyOf({ t, number }: Tongue, { transfer, source, destination, progress }: Story) {
  const sent = isTerminal(transfer.state) && transfer.state !== "verified" ? progress.reduce((sum, row) => sum + row.sent, 0) : 0;
  const isLeft = sent > 0 && transfer.state !== "partial";
  const here: readonly Station[] = isLeft ? ["source", "destination"] : CUSTODY[transfer.state];
  const names = { source: source.name, destination: destination.name };
  const sentence = isLeft
    ? t("custody.left", { ...names, count: sent, items: number(sent) })
    : t(`custody.${here.join("_") as "source" | "source_relais" | "destination" | "source_destination"}`, names);
  const stations = [
    { name: source.name, what: t("custody.role.source"), isHere: here.includes("source") },
    { name: "Relais", what: t("custody.role.relais"), isHere: here.includes("relais") },
    { name: destination.name, what: t("custody.role.destination"), isHere: here.includes("destination") },
  ];
  return { sentence, stations };
}

interface Ends {
  names: { source: string; destination: string };
  /** The organisation is the destination, the data space the source. */
  isProposal: boolean;
}

function lineOf(tongue: Tongue, event: TransferEvent, ends: Ends) {
  const { t } = tongue;
  const { names } = ends;
  return {
    what: t(`event.${event.kind}`, names),
    details: detailsOf(tongue, event),
    who: actorName(tongue, event, ends),
    at: tongue.moment(event.at),
    iso: event.at.toISOString(),
  };
}

function actorName({ t }: Tongue, { actor }: TransferEvent, { names, isProposal }: Ends): string {
  if (actor === "holder") return isProposal ? names.destination : names.source;
  return actor === "platform" ? (isProposal ? names.source : names.destination) : t(`actor.${actor}`);
}

const COUNTS = [
  "items",
  "gone",
  "removed",
  "kept",
  "stored",
  "omitted",
  "missing",
  "copies",
  "copies_left",
  ...LEFT_AS_IT_IS,
  "waiting",
  "accepted",
  "refused",
] as const;

/** Said only where there are some. */
const ONLY_WHERE_SOME = new Set<string>(["gone", "removed", "kept", "omitted", "missing", "accepted", "refused"]);

/** Only counts that we know how to say; whatever else an event holds is for the record. */
function detailsOf({ t }: Tongue, { details }: TransferEvent): string[] {
  return COUNTS.flatMap((name) => {
    const value = details[name];
    return typeof value === "number" && (value > 0 || !ONLY_WHERE_SOME.has(name)) ? [t(`event.count.${name}`, { count: value })] : [];
  });
}

const MENDERS = {
  not_available: "holder",
  refused_by_source: "holder",
  refused_by_destination: "platform",
  unsafe_name: "holder",
  too_large: "platform",
  unsupported: "platform",
  changed: "person",
  lost: "operator",
  stopped: "person",
  not_fetched: "platform",
  fetched_in_part: "platform",
  not_plausible: "person",
  proof_needed: "person",
  not_changeable: "person",
  out_of_date: "person",
} as const satisfies Record<OmissionReason, string>;

function omissionsOf(tongue: Tongue, story: Story) {
  const { t } = tongue;
  const titles = new Map(rowsOf(tongue, story).map(({ dataset, title }) => [dataset, title]));
  const rows = story.omissions.map(({ dataset, key, reason }) => ({
    item: key,
    dataset: titles.get(dataset) ?? dataset,
    reason: t(`omission.${reason ?? "lost"}`),
    who: t(`actor.${MENDERS[reason ?? "lost"]}`),
  }));
  const rest = story.omittedCount - rows.length;
  return {
    rows,
    rest: rest > 0 ? t("omissions.rest", { count: rest }) : null,
    missing: story.missing > 0 ? t("omissions.missing", { count: story.missing, source: story.source.name }) : null,
    isEmpty: rows.length === 0 && story.missing === 0,
  };
}
