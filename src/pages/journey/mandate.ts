import type { Mandate } from "../../core/consent/acts.ts";
import type { Consent } from "../../core/consent/consent.ts";
import { exerciseOf } from "../../core/consent/record-acts.ts";
import { ownConsent } from "../../core/consent/decide-consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

/** The mandate as a person can hand it in at an organisation that has no interface for it (CNIL, délibération 2021-070: object and duration). */
interface Paper {
  title: string;
  basis: string;
  lines: { key: string; text: string; list?: string[] }[];
  ending: string;
  signature: string;
}

export async function mandate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { consent, paper } = await readPaper(ports, visit);
  const base = pathOf(visit, `/permissions/${consent.id}`);
  const model = { ...paper, permissionHref: base, fileHref: `${base}/mandate.txt`, source: consent.notice.source.name };
  return { kind: "page", template: "mandate", title: paper.title, model };
}

export async function mandateFile(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { consent, paper } = await readPaper(ports, visit);
  return { kind: "file", name: `${consent.id}.mandate.txt`, type: "text/plain; charset=utf-8", body: textOf(paper) };
}

async function readPaper(ports: PagesPorts, { tongue, params, personId, session }: PersonVisit) {
  const { consent, account } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, asId("consent", params["id"]), personId);
    return { consent: found, account: (await r.people.getLink(found.sourceLinkId)).account };
  });
  const act = consent.acts?.find((one): one is Mandate => one.act === "mandate");
  if (act === undefined)
    throw new RelaisError("conflict", "There is no mandate: it is given with the yes to a permission.", { actor: "person" });
  return { consent, paper: paperOf(tongue, { consent, act, account, name: session.displayName }) };
}

function paperOf({ t, lang, date, moment }: Tongue, given: { consent: Consent; act: Mandate; account: string; name: string }): Paper {
  const { consent, act, account, name } = given;
  const { source, destination, datasets } = consent.notice;
  const asked = new Set(act.object.datasets);
  const day = (fullDate: string): string => date(new Date(`${fullDate}T12:00:00Z`));
  return {
    title: t("mandate.title"),
    basis: t("mandate.basis"),
    lines: [
      { key: t("mandate.who"), text: t("mandate.whoText", { name, account, source: source.name }) },
      { key: t("mandate.whom"), text: whoActs(t, act) },
      {
        key: t("mandate.object"),
        text: t(`mandate.object.${exerciseOf(consent)}`, { source: source.name, destination: destination.name }),
        list: datasets.filter(({ id }) => asked.has(id)).map(({ title }) => title[lang]),
      },
      ...(act.object.forms === undefined ? [] : [{ key: t("forms.mandateLine"), text: t("forms.mandateText") }]),
      { key: t("mandate.duration"), text: t("mandate.durationText", { from: day(act.duration.from), until: day(act.duration.until) }) },
      { key: t("mandate.limits"), text: t("mandate.limitsText") },
      {
        key: t("mandate.reference"),
        text: t("mandate.referenceText", { id: consent.id, hash: consent.noticeHash, at: moment(new Date(act.at)) }),
      },
    ],
    ending: t("mandate.ending", { state: t(`consent.state.${consent.state}`) }),
    signature: t("mandate.signature"),
  };
}

/** A mandate from before the running Relais named itself has a name alone. */
function whoActs(t: Tongue["t"], { mandatary: { name, entityId } }: Mandate): string {
  return entityId === "" ? name : t("mandate.whomText", { mandatary: name, address: entityId });
}

function textOf({ title, basis, lines, ending, signature }: Paper): string {
  const body = lines.flatMap(({ key, text, list = [] }) => [key.toUpperCase(), text, ...list.map((one) => `  - ${one}`), ""]);
  return [title, basis, "", ...body, ending, "", signature, ""].join("\n");
}
