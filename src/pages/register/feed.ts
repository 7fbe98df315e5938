import type { Decision } from "../../core/register/application.ts";
import type { Participant } from "../../core/register/participant.ts";
import { viewOfDecision } from "../accreditation/view.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";

/** Whoever asks once a day misses nothing, unless more was decided; then `/v1/decisions` and the public log have it. */
const ENTRIES = 100;

/** Decisions as an Atom feed (RFC 4287), one in each language: an entry is known for ever by the address of its page. */
export async function feed(ports: PagesPorts, { tongue }: Visit): Promise<Answer> {
  const { decisions, participants } = await ports.store.read(async (r) => {
    const found = await r.accreditations.decisions({ limit: ENTRIES });
    return { decisions: found, participants: await r.registered.named(found.map(({ participantId }) => participantId)) };
  });
  const byId = new Map(participants.map((participant) => [participant.id, participant]));
  const entries = decisions.flatMap((decision) => {
    const participant = byId.get(decision.participantId);
    return participant ? [{ decision, participant }] : [];
  });
  return { kind: "text", type: "application/atom+xml; charset=utf-8", body: feedOf(ports, tongue, entries) };
}

interface Entry {
  decision: Decision;
  participant: Participant;
}

/** `updated` of a register in which nothing was decided yet is the first day of its charter. */
function feedOf({ issuer, operator, charters }: PagesPorts, tongue: Tongue, entries: Entry[]): string {
  const { t, lang } = tongue;
  const [newest] = entries;
  const [oldest] = charters.list().toReversed();
  const updated = newest?.decision.decidedAt ?? new Date(oldest?.from ?? 0);
  const own = (language: string) => `${issuer}/${language}/register.atom`;
  const other = lang === "fr" ? "en" : "fr";
  const lines = [
    element("id", own(lang)),
    element("title", t("feed.title")),
    element("subtitle", t("feed.subtitle")),
    element("updated", updated.toISOString()),
    `<author>${element("name", operator?.name ?? "Relais")}</author>`,
    link({ rel: "self", type: "application/atom+xml", href: own(lang) }),
    link({ rel: "alternate", type: "text/html", hreflang: lang, href: `${issuer}/${lang}/register` }),
    link({ rel: "alternate", type: "application/atom+xml", hreflang: other, href: own(other) }),
    ...entries.map((entry) => entryOf(issuer, tongue, entry)),
  ];
  return `<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="${lang}">\n${lines.join("\n")}\n</feed>\n`;
}

function entryOf(issuer: string, tongue: Tongue, { decision, participant }: Entry): string {
  const { t, lang } = tongue;
  const view = viewOfDecision(tongue, decision, participant);
  const at = decision.decidedAt.toISOString();
  const page = `${issuer}/${lang}/decisions/${decision.id}`;
  const said = [view.reasons, view.remedy, view.appeal].filter((text) => text !== null).join("\n\n");
  return [
    "<entry>",
    element("id", page),
    element("title", t("feed.entry", { what: view.what, name: participant.name })),
    element("updated", at),
    element("published", at),
    `<author>${element("name", view.deciders)}</author>`,
    `<category term="${escaped(decision.kind)}" label="${escaped(view.what)}"/>`,
    link({ rel: "alternate", type: "text/html", hreflang: lang, href: page }),
    link({ rel: "related", type: "text/html", hreflang: lang, href: `${issuer}/${lang}/register/${participant.id}` }),
    link({ rel: "related", type: "application/json", href: `${issuer}/v1/decisions/${decision.id}` }),
    `<content type="text">${escaped(said)}</content>`,
    "</entry>",
  ].join("\n");
}

function element(name: string, text: string): string {
  return `<${name}>${escaped(text)}</${name}>`;
}

function link(attributes: Record<string, string>): string {
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  return `<link${written.join("")}/>`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for XML 1.0, which has no place for control characters, lone surrogates and two others, whatever a participant calls itself. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\0-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}
