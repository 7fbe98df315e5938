import { heldNow, holdsOf } from "../../core/dispatch/hold-of.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, isId, type ParticipantId, type TransferId } from "../../core/ids.ts";
import type { DeadGroup, DeadGroupKey } from "../../core/operation/operation-reader.ts";
import { replayGroup, replayOne } from "../../core/operation/replay.ts";
import { noteAccess } from "../../core/person/note-access.ts";
import type { Reader } from "../../core/ports.ts";
import { operatorOf } from "../notices/handlers.ts";
import { tagOf } from "../transfers/view.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { viewOfGroup } from "./dead-view.ts";
import { explain } from "./explain.ts";
import { holdIn } from "./holds.ts";
import { viewOfStages } from "./queue-chart.ts";
import { ageOf } from "./words.ts";

/** Groups on a page, and letters of each that are named. */
const GROUPS = 50;
const LETTERS = 20;

/** What waits and what runs, by stage and age, and where to go on from there. */
export async function showQueue(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  await operatorOf(ports, visit);
  const { tongue } = visit;
  const { stages, measures, held, names } = await ports.store.read(async (r) => {
    const holding = await heldNow(r);
    return {
      stages: await r.operation.stages(),
      measures: await r.operation.measures(),
      held: holding,
      names: await r.participants.names(holding.map(({ participantId }) => participantId)),
    };
  });
  const view = viewOfStages(tongue, stages);
  const dead = measures.deadLetters.reduce((sum, { kind, count }) => sum + (kind === "mail" ? 0 : count), 0);
  const model = {
    ...view,
    sentence: tongue.t("operate.queue.sentence", {
      count: view.total,
      seconds: Math.round(measures.oldestDueSeconds),
      age: ageOf(tongue, measures.oldestDueSeconds),
    }),
    dead: tongue.t("operate.dead.count", { count: dead }),
    held: held.map((one) => holdIn(tongue, one, names)),
    id: visit.query.one("id"),
    errors,
  };
  return { kind: "page", template: "operator-queue", title: tongue.t("operate.queue.title"), model, status: errors.length > 0 ? 422 : 200 };
}

/** The support id of a transfer leads to its explanation. */
export async function findTransfer(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const id = visit.query.one("id");
  await operatorOf(ports, visit);
  if (isId("transfer", id)) return { kind: "redirect", to: pathOf(visit, `/operator/transfers/${id}`) };
  return showQueue(ports, visit, [{ field: "id", text: visit.tongue.t("operate.find.error") }]);
}

/** That an operator looked is written down for the person. */
export async function explainTransfer(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { name } = await operatorOf(ports, visit);
  const { tongue } = visit;
  const id: TransferId = asId("transfer", visit.params["id"]);
  const story = await ports.store.read(async (r) => {
    const transfer = await r.transfers.get(id);
    const names = await r.participants.names([transfer.sourceId, transfer.destinationId]);
    const [source = "?", destination = "?"] = [names.get(transfer.sourceId), names.get(transfer.destinationId)];
    const { action } = await r.consents.get(transfer.consentId);
    return {
      transfer,
      source,
      destination,
      isProposal: action === "propose",
      holds: (await holdsOf(r, transfer)).map((held) => holdIn(tongue, held, names)),
      events: await r.transfers.events(id),
      now: ports.clock.now(),
    };
  });
  await noteAccess(ports, { kind: "operator", name }, visit.path);
  const model = {
    id,
    state: tagOf(tongue, story.transfer.state),
    fromTo: tongue.t("transfer.fromTo", { source: story.source, destination: story.destination }),
    paragraph: explain(tongue, story),
    canReplay: story.transfer.state === "failed",
    action: pathOf(visit, "/operator/dead-letters"),
  };
  return { kind: "page", template: "operator-transfer", title: tongue.t("operate.explain.title"), model };
}

/** What is given up, the same problem at the same participant together. */
export async function showDeadLetters(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  await operatorOf(ports, visit);
  const { tongue, query } = visit;
  const groups = await ports.store.read(async (r) => {
    const found = await r.operation.deadGroups(GROUPS);
    const names = await r.participants.names(found.flatMap(({ participantId }) => participantId ?? []));
    return Promise.all(
      found.map(async (group) => ({ group, ...(await lettersOf(r, group)), name: names.get(group.participantId ?? "prt_") })),
    );
  });
  const model = {
    groups: groups.map((one) => viewOfGroup(tongue, one)),
    action: pathOf(visit, "/operator/dead-letters"),
    news: newsOf(visit, query.one("back"), query.one("refused"), query.one("more")),
    errors,
  };
  return { kind: "page", template: "operator-dead", title: tongue.t("operate.dead.title"), model, status: errors.length > 0 ? 422 : 200 };
}

async function lettersOf(r: Reader, group: DeadGroup) {
  const letters = await r.operation.deadLetters(group, LETTERS);
  return { letters, rest: group.count - letters.length };
}

function newsOf({ tongue }: PersonVisit, back: string, refused: string, more: string): string | null {
  if (!/^\d{1,4}$/.test(back)) return null;
  const codes = /^\d{1,4}$/.test(refused) ? Number(refused) : 0;
  const said = tongue.t("operate.dead.back", { count: Number(back), refused: codes });
  return more === "yes" ? `${said} ${tongue.t("operate.dead.more")}` : said;
}

/** One, or a whole group. Each is checked as if it were asked for now. */
export async function replayDead(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await operatorOf(ports, visit);
  const { form, tongue } = visit;
  const one = form.one("id");
  if (one !== "") {
    const code = await replayOne(ports, isId("transfer", one) ? one : asId("event", one));
    if (code === null) return { kind: "redirect", to: pathOf(visit, "/operator/dead-letters?back=1") };
    return showDeadLetters(ports, visit, [
      { field: "dead", text: tongue.t("operate.dead.refused", { problem: tongue.t(`problem.${code}.title`) }) },
    ]);
  }
  const { count, refused, isMore } = await replayGroup(ports, groupIn(visit));
  const others = refused.reduce((sum, { count: some }) => sum + some, 0);
  return { kind: "redirect", to: pathOf(visit, `/operator/dead-letters?back=${count}&refused=${others}${isMore ? "&more=yes" : ""}`) };
}

function groupIn({ form }: PersonVisit): DeadGroupKey {
  const [kind, problem, participant] = [form.one("kind"), form.one("problem"), form.one("participant")];
  if ((kind !== "transfer" && kind !== "notice") || !/^[a-z_]{3,40}$/.test(problem))
    throw new RelaisError("invalid", "The form names no group. Open the page again.", { actor: "operator" });
  const participantId: ParticipantId | null = participant === "" ? null : asId("participant", participant);
  return { kind, problem: problem as DeadGroup["problem"], participantId };
}
