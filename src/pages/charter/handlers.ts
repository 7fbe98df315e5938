import { SECTIONS, type Charter, type Criterion } from "../../core/register/charter.ts";
import { diffCharters } from "../../core/register/charter-diff.ts";
import type { Role } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";

const ROLES = ["platform", "holder", "service"] as const satisfies readonly Role[];

/** The charter as it is in force, or one version of it; filtered by role and level. */
export function charter(ports: PagesPorts, { tongue, params, query }: Visit): Answer {
  const found = params["version"] === undefined ? ports.charters.current(ports.clock.now()) : ports.charters.get(params["version"]);
  const role = ROLES.find((known) => known === query.one("role")) ?? null;
  const level = query.one("level") === "1" ? 1 : null;
  const asked = found.criteria.filter((one) => (role === null || one.appliesTo.includes(role)) && (level === null || one.level === 1));
  const { lang } = tongue;
  const model = {
    version: found.version,
    label: found.label[lang],
    text: found.text[lang],
    digest: found.digest,
    dates: datesOf(tongue, found),
    role,
    level,
    roles: ROLES.map((one) => ({ value: one, text: tongue.t(`roles.${one}`) })),
    count: asked.length,
    sections: SECTIONS.map((section) => ({
      title: tongue.t(`case.section.${section}`),
      criteria: asked.filter((one) => one.section === section).map((one) => rowOf(tongue, one, found.version)),
    })).filter(({ criteria }) => criteria.length > 0),
    versions: ports.charters
      .list()
      .map(({ version }) => ({ version, href: `/${lang}/charter/${version}`, isHere: version === found.version })),
    jsonHref: `/v1/charters/${found.version}`,
  };
  return { kind: "page", template: "charter", title: found.title[lang], model };
}

function datesOf({ t, date }: Tongue, { from, until }: Charter): string {
  const day = (text: string): string => date(new Date(`${text}T12:00:00Z`));
  return until === null ? t("charter.from", { from: day(from) }) : t("charter.fromUntil", { from: day(from), until: day(until) });
}

function rowOf({ t, lang }: Tongue, criterion: Criterion, version: string) {
  return {
    id: criterion.id,
    href: `/${lang}/charter/${version}/${criterion.id}`,
    title: criterion.title[lang],
    statement: criterion.statement[lang],
    why: criterion.why[lang],
    level: t("charter.level", { level: criterion.level }),
    who: criterion.appliesTo.map((role) => t(`role.${role}`)).join(", "),
    check: t(`case.check.${criterion.check.kind}`),
    failure: t(`charter.failure.${criterion.onFailure.kind}`, { days: criterion.onFailure.kind === "due" ? criterion.onFailure.days : 0 }),
    evidence: criterion.evidence && criterion.evidence.title[lang],
    questions: criterion.questions.map(({ label }) => label[lang]),
    sources: criterion.sources.join(", "),
    threat: criterion.threat[lang],
  };
}

/** What changed between two versions. Without a choice, between the last two. */
export function charterDiff(ports: PagesPorts, { tongue, query }: Visit): Answer {
  const { lang, t } = tongue;
  const all = ports.charters.list();
  const to = ports.charters.get(query.one("to") || String(all[0]?.version));
  const from = ports.charters.get(query.one("from") || String((all[1] ?? all[0])?.version));
  const { added, removed, changed } = diffCharters(from, to);
  const row = (criterion: Criterion, note: string | null = null) => ({
    title: criterion.title[lang],
    statement: criterion.statement[lang],
    note,
  });
  const model = {
    versions: all.map(({ version }) => version),
    from: from.version,
    to: to.version,
    groups: [
      { title: t("charter.added"), rows: added.map((one) => row(one)) },
      { title: t("charter.changed"), rows: changed.map(({ criterion, members }) => row(criterion, members.join(", "))) },
      { title: t("charter.removed"), rows: removed.map((one) => row(one)) },
    ],
    isSame: added.length + removed.length + changed.length === 0,
  };
  return { kind: "page", template: "charter-diff", title: t("charter.diff"), model };
}
