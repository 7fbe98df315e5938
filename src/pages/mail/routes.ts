import { giveMail, myMail, remindMe, removeMail, testMail } from "../me-mail/handlers.ts";
import type { Handler, PersonHandler } from "../visit.ts";
import { prove, showPermissionByMail, showProve, showStopByMail, showUnsubscribe, stopByMail, unsubscribeByMail } from "./links.ts";

/** Where links in mails lead: for whoever holds the word in them. */
export const MAIL_ROUTES: ["get" | "post", string, Handler][] = [
  ["get", "/mail/prove/:token", showProve],
  ["post", "/mail/prove/:token", prove],
  ["get", "/mail/permission/:token", showPermissionByMail],
  ["get", "/mail/permission/:token/stop", showStopByMail],
  ["post", "/mail/permission/:token/stop", stopByMail],
  ["get", "/mail/unsubscribe/:token", showUnsubscribe],
  ["post", "/mail/unsubscribe/:token", unsubscribeByMail],
];

/** A person's own address. */
export const MY_MAIL_ROUTES: ["get" | "post", string, PersonHandler][] = [
  ["get", "/me/mail", myMail],
  ["post", "/me/mail", giveMail],
  ["post", "/me/mail/test", testMail],
  ["post", "/me/mail/reminders", remindMe],
  ["post", "/me/mail/remove", removeMail],
];
