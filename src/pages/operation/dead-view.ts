import type { DeadGroup, DeadLetter } from "../../core/operation/operation-reader.ts";
import type { Tongue } from "../tongue.ts";

interface Found {
  group: DeadGroup;
  letters: DeadLetter[];
  rest: number;
  /** Of the participant that can mend it. */
  name: string | undefined;
}

export function viewOfGroup(tongue: Tongue, { group, letters, rest, name }: Found) {
  const { t, moment, lang } = tongue;
  const { kind, problem, actor, participantId } = group;
  return {
    kind,
    problem,
    participant: participantId ?? "",
    count: t(`operate.dead.${kind}`, { count: group.count }),
    title: problem === "unacknowledged" ? t("operate.dead.unacknowledged") : t(`problem.${problem}.title`),
    why: problem === "unacknowledged" ? t("operate.dead.unacknowledgedWhy") : t(`problem.${problem}.meaning`),
    who: t("transfer.whoMends", {
      who: name ?? t(`operate.actor.${actor === "holder" || actor === "platform" ? "relais" : (actor ?? "relais")}`),
    }),
    since: t("operate.dead.since", { from: moment(group.oldestAt), to: moment(group.newestAt) }),
    letters: letters.map(({ id, at }) => ({ id, at: moment(at), href: kind === "transfer" ? `/${lang}/operator/transfers/${id}` : null })),
    rest: rest > 0 ? t("operate.dead.rest", { count: rest }) : null,
  };
}
