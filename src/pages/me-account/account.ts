import { isFresh } from "../../core/person/fresh-sign-in.ts";
import { isId } from "../../core/ids.ts";
import type { MessageKey } from "../tongue.ts";
import { errorsByField, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { viewOfMail } from "../mail/view.ts";
import { againHref } from "./again.ts";
import { viewOfAccount } from "./view.ts";

/** As many as a person can look over; the file with everything has all. */
const ACCESSES = 50;

const NEWS = {
  again: "account.news.again",
  passkeyAdded: "account.news.passkeyAdded",
  passkeyRenamed: "account.news.passkeyRenamed",
  passkeyRemoved: "account.news.passkeyRemoved",
  recovered: "account.news.recovered",
  sessionEnded: "account.news.sessionEnded",
  sessionsEnded: "account.news.sessionsEnded",
  unlinked: "account.news.unlinked",
} as const satisfies Record<string, MessageKey>;

/** How the person signs in, where they are signed in, what they proved, who looked, and everything that is kept. */
export async function account(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, personId, session, query } = visit;
  const now = ports.clock.now();
  const mine = await ports.store.read(async (r) => {
    const [links, accesses] = [await r.people.listLinks(personId), await r.account.accesses(personId, ACCESSES)];
    const named = [...links, ...accesses].map(({ participantId }) => participantId).filter((id) => isId("participant", id));
    return {
      person: await r.people.find(personId),
      passkeys: await r.account.passkeys(personId),
      sessions: await r.account.sessions(personId, now),
      codesLeft: await r.account.codesLeft(personId),
      mail: await r.mail.addresses(personId),
      links,
      accesses,
      names: await r.participants.names(named),
    };
  });
  const news = query.one("news");
  const model = {
    ...viewOfAccount(tongue, { ...mine, present: session, ways: ports.ways }),
    againHref: isFresh(session, now) ? null : againHref(visit, "/me/account"),
    mail: viewOfMail(tongue, mine.mail, Boolean(ports.mail)),
    news: Object.hasOwn(NEWS, news) ? tongue.t(NEWS[news as keyof typeof NEWS]) : null,
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "my-account", title: tongue.t("account.title"), model, status: errors.length > 0 ? 422 : 200 };
}
