import { withdrawByMail } from "../../core/person/stop-by-mail.ts";
import { asId } from "../../core/ids.ts";
import { findMailLink, proveAddress, unsubscribe } from "../../core/person/own-address.ts";
import type { Notice } from "../../core/consent/consent.ts";
import { pathOf, type Answer, type PagesPorts, type Visit } from "../visit.ts";

interface Deed {
  /** Places to go on to. */
  ways?: { text: string; href: string }[];
  /** What the person may do here, and where that is sent. */
  act?: { text: string; post: string };
  caption?: string;
}

/** A page that a link in a mail leads to. */
function page(title: string, paragraphs: string[], { ways = [], act, caption }: Deed = {}): Answer {
  const actions = [...ways, ...(act === undefined ? [] : [{ text: act.text }])];
  return { kind: "page", template: "mail-link", title, model: { title, paragraphs, caption, actions, post: act?.post } };
}

const tokenOf = ({ params }: Visit): string => params["token"] ?? "";

/** Programs that look at mails open their links: nothing happens by looking. */
export async function showProve(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  await findMailLink(ports, tokenOf(visit), "prove");
  const act = { text: t("mail.prove.button"), post: pathOf(visit, `/mail/prove/${tokenOf(visit)}`) };
  return page(t("mail.prove.title"), [t("mail.prove.text"), t("mail.prove.notYou")], { act });
}

/** Whose account it is, only its owner learns, and only where they are signed in. */
export async function prove(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  const personId = await proveAddress(ports, tokenOf(visit));
  const isOwn = visit.session?.personId === personId;
  const ways = [{ text: t("mail.proved.account"), href: pathOf(visit, "/me/mail") }];
  return page(t("mail.proved.title"), [t(isOwn ? "mail.proved.own" : "mail.proved.other")], { ways });
}

/** The names of both ends, and nothing else: whoever reads the mail read them there. */
export async function showPermissionByMail(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  const { id, ends } = await permissionOf(ports, visit);
  const ways = [
    { text: t("mail.permission.review"), href: pathOf(visit, `/permissions/${id}`) },
    { text: t("mail.permission.stop"), href: pathOf(visit, `/mail/permission/${tokenOf(visit)}/stop`) },
  ];
  return page(t("mail.permission.title"), [t("mail.permission.text", ends)], { ways, caption: t("permission.fromTo", ends) });
}

export async function showStopByMail(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  const { ends } = await permissionOf(ports, visit);
  const here = `/mail/permission/${tokenOf(visit)}`;
  const ways = [{ text: t("stop.keep"), href: pathOf(visit, here) }];
  const act = { text: t("permission.stop"), post: pathOf(visit, `${here}/stop`) };
  return page(t("stop.title"), [t("mail.stop.text", ends)], { ways, act, caption: t("permission.fromTo", ends) });
}

export async function stopByMail(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  const { ends } = await permissionOf(ports, visit);
  await withdrawByMail(ports, tokenOf(visit));
  return page(t("mail.stopped.title"), [t("mail.stopped.text", ends)]);
}

async function permissionOf(ports: PagesPorts, visit: Visit) {
  const { about } = await findMailLink(ports, tokenOf(visit), "permission");
  const consent = await ports.store.read((r) => r.consents.get(asId("consent", about)));
  return { id: consent.id, ends: endsOf(consent.notice) };
}

function endsOf({ source, destination }: Notice) {
  return { source: source.name, destination: destination.name };
}

export async function showUnsubscribe(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  await findMailLink(ports, tokenOf(visit), "unsubscribe");
  const act = { text: t("mail.reminders.stop"), post: pathOf(visit, `/mail/unsubscribe/${tokenOf(visit)}`) };
  return page(t("mail.unsubscribe.title"), [t("mail.unsubscribe.text")], { act });
}

/** Also for mail programs, which post here at one click, without a cookie (RFC 8058 §3.2). */
export async function unsubscribeByMail(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { t } = visit.tongue;
  await unsubscribe(ports, tokenOf(visit));
  return page(t("mail.unsubscribed.title"), [t("mail.unsubscribed.text")]);
}
