import type { DataSet } from "../../core/catalogue/data-set.ts";
import type { Consent } from "../../core/consent/consent.ts";
import type { AccountLink } from "../../core/person/person.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Switch, SwitchState } from "../../core/switch/switch.ts";
import { isTerminal, type Progress, type Transfer } from "../../core/transfer/transfer.ts";
import { maskedAccount } from "../accounts/view.ts";
import type { Tongue } from "../tongue.ts";
import { tagOf } from "../transfers/view.ts";

export interface SwitchStory {
  row: Switch;
  source: Participant;
  destination: Participant;
  /** The permission to copy; null where it was never asked for. */
  consent: Consent | null;
  transfer: Transfer | null;
  progress: Progress[];
}

interface Plan {
  source: { participant: Participant };
  destination: { participant: Participant };
  sourceLink: AccountLink;
  destinationLink: AccountLink;
  /** Holders give the data sets their names. */
  datasets: DataSet[];
}

/** Before anything is asked: what the old place said that it holds, and what stays behind by nature. */
export function viewOfPlan(tongue: Tongue, plan: Plan) {
  const { lang, t, number, bytes } = tongue;
  const titles = new Map(plan.datasets.map(({ id, title }) => [id, title[lang]] as const));
  const rows = (plan.sourceLink.inventory ?? []).map((count) => ({
    title: titles.get(count.dataset) ?? count.dataset,
    items: count.items === null ? t("plan.unknown") : number(count.items),
    bytes: count.bytes === null ? t("plan.unknown") : bytes(count.bytes),
  }));
  return {
    source: { name: plan.source.participant.name, account: maskedAccount(plan.sourceLink), link: plan.sourceLink.id },
    destination: { name: plan.destination.participant.name, account: maskedAccount(plan.destinationLink), link: plan.destinationLink.id },
    rows,
    proveHref: `/${lang}/accounts/${plan.source.participant.id}`,
  };
}

/** A step is behind, under way, or still ahead; words say it, never a colour alone. */
type StepState = "passed" | "now" | "ahead" | "blocked";
const STEPS = ["choose", "permit", "copy", "compare", "close"] as const;

/** State of each of the five steps, for each state of a switch. */
const STEP_STATES = {
  planned: ["passed", "now", "ahead", "ahead", "ahead"],
  copying: ["passed", "passed", "now", "ahead", "ahead"],
  incomplete: ["passed", "passed", "passed", "blocked", "ahead"],
  verified: ["passed", "passed", "passed", "passed", "now"],
  closing: ["passed", "passed", "passed", "passed", "now"],
  closed: ["passed", "passed", "passed", "passed", "passed"],
  abandoned: ["passed", "blocked", "blocked", "blocked", "blocked"],
} as const satisfies Record<SwitchState, readonly StepState[]>;

const STEP_TAGS = {
  passed: "govuk-tag--green",
  now: "govuk-tag--blue",
  ahead: "govuk-tag--grey",
  blocked: "govuk-tag--orange",
} as const satisfies Record<StepState, string>;

/** States in which every item has been compared and verified: the only ones that may say that the person has switched. */
const BEHIND_THE_GATE: readonly SwitchState[] = ["verified", "closing", "closed"];

export function viewOfSwitch(tongue: Tongue, story: SwitchStory) {
  const { t, lang, date } = tongue;
  const { row, source, destination, transfer } = story;
  const names = { source: source.name, destination: destination.name };
  const isStuck = row.state === "copying" && transfer !== null && isTerminal(transfer.state) && transfer.state !== "verified";
  const state = isStuck ? "incomplete" : row.state;
  return {
    id: row.id,
    title: t("switch.fromTo", names),
    names,
    state,
    hasSwitched: BEHIND_THE_GATE.includes(row.state),
    sentence: t(`switch.sentence.${state}`, names),
    steps: STEPS.map((step, index) => ({
      text: t(`switch.step.${step}`, names),
      isPointOfNoReturn: step === "close",
      ...stepTag(tongue, STEP_STATES[state][index] ?? "ahead"),
    })),
    counts: countsOf(tongue, story),
    verifiedAt: row.verifiedAt && date(row.verifiedAt),
    closedAt: row.closedAt && date(row.closedAt),
    transfer: transfer && { href: `/${lang}/me/transfers/${transfer.id}`, tag: tagOf(tongue, transfer.state) },
    ...actsOf(tongue, story),
    mayStartAgain: isStuck || row.state === "abandoned",
    hrefs: {
      here: `/${lang}/me/switch/${row.id}`,
      retry: `/${lang}/me/switch/${row.id}/retry`,
      close: `/${lang}/me/switch/${row.id}/close`,
      again: `/${lang}/me/switch`,
    },
  };
}

/** What the person may do now. Closing opens only behind the gate. */
function actsOf({ lang }: Tongue, { row, consent }: SwitchStory) {
  const isPlanned = row.state === "planned";
  return {
    decideHref: isPlanned && consent?.state === "requested" ? `/${lang}/permissions/${consent.id}/decide` : null,
    mayStart: isPlanned && consent?.state === "active",
    mayRetry: row.state === "incomplete" && consent?.state === "active",
    mayClose: row.state === "verified",
    isRefused: isPlanned && consent?.state === "refused",
  };
}

function stepTag({ t }: Tongue, state: StepState) {
  return { state, tag: { text: t(`switch.stepState.${state}`), classes: STEP_TAGS[state] } };
}

/** Both sides compared, data set by data set: counted at the old place, verified at the new one, and what is missing. */
function countsOf({ lang, number }: Tongue, { consent, progress }: SwitchStory) {
  const titles = new Map(consent?.notice.datasets.map(({ id, title }) => [id, title[lang]]));
  return progress.map((row) => {
    const missing = Math.max(0, row.expected - row.verified);
    return {
      title: titles.get(row.dataset) ?? row.dataset,
      old: number(row.expected),
      new: number(row.verified),
      missing: number(missing),
      isSame: missing === 0,
    };
  });
}
