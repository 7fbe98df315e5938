import { RelaisError } from "../../core/errors.ts";
import { isFresh } from "../../core/person/fresh-sign-in.ts";
import { giveAddress, removeAddress, tryAddress, wantReminders } from "../../core/person/own-address.ts";
import type { MessageKey } from "../tongue.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { againHref } from "../me-account/again.ts";
import { viewOfMail } from "./view.ts";

const NEWS = ["given", "removed", "reminders", "test"] as const;
type News = (typeof NEWS)[number];

/** The address of a person's own page on mail. */
const PATH = "/me/mail";

export async function myMail(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return page(ports, visit, []);
}

async function page(ports: PagesPorts, visit: PersonVisit, errors: FieldError[]): Promise<Answer> {
  const { tongue, personId, query, form } = visit;
  const own = await ports.store.read((r) => r.mail.addresses(personId));
  const news = NEWS.find((one) => one === query.one("news"));
  const model = {
    mail: viewOfMail(tongue, own, isOn(ports)),
    againHref: isFresh(visit.session, ports.clock.now()) ? null : againHref(visit, PATH),
    news: news && tongue.t(`mail.news.${news}`),
    given: form.one("address"),
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "mail", title: tongue.t("mail.title"), model, status: errors.length > 0 ? 422 : 200 };
}

const isOn = ({ mail }: PagesPorts): boolean => mail !== undefined && mail !== null;

/** What can be mended at the field, and how. */
const FIELD_ERRORS: Partial<Record<RelaisError["code"], MessageKey>> = { invalid: "mail.error.address", rate_limited: "mail.error.often" };

export async function giveMail(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { personId, tongue, form } = visit;
  const { mail } = ports;
  if (!mail) throw new RelaisError("unavailable", "This Relais sends no mail. Its operator has to name a mail server first.");
  try {
    await giveAddress({ ...ports, addresses: mail }, { personId, text: form.one("address"), language: tongue.lang });
  } catch (error) {
    const key = error instanceof RelaisError ? FIELD_ERRORS[error.code] : undefined;
    if (key === undefined) throw error;
    return page(ports, visit, [{ field: "address", text: tongue.t(key) }]);
  }
  return backWith(visit, "given");
}

export async function removeMail(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await removeAddress(ports, visit.personId);
  return backWith(visit, "removed");
}

export async function testMail(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await tryAddress(ports, visit.personId);
  return backWith(visit, "test");
}

export async function remindMe(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const [want, ...more] = visit.form.all("want");
  if ((want !== "yes" && want !== "no") || more.length > 0)
    throw new RelaisError("invalid", "Choose whether you want reminders, yes or no. Nothing was changed.", { actor: "person" });
  await wantReminders(ports, visit.personId, want === "yes");
  return backWith(visit, "reminders");
}

function backWith(visit: PersonVisit, news: News): Answer {
  return { kind: "redirect", to: pathOf(visit, `${PATH}?news=${news}`) };
}
