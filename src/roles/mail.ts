import type { Mailer } from "../core/person/mail.ts";
import { createMailSending } from "../core/person/send-mails.ts";
import { createMailer } from "../events/mail.ts";
import type { Keyring } from "../keys/keyring.ts";
import { createAddressOpener, createLinkTokens } from "../keys/mail-addresses.ts";
import { createLetters, isMailAddress } from "../pages/mail/letters.ts";
import { createOfficeLetters } from "../pages/mail/office-letters.ts";
import type { Logger } from "../telemetry/log.ts";
import { every, type Base } from "./base.ts";

/** How soon a mail that was written down is sent. */
const SEND_SECONDS = 1;

/** The worker's part of mail: it alone can open addresses. Without a mail server there is none. */
export function startMail({ owned, ...base }: Base, keyring: Keyring): void {
  const { config, log, store, clock, issuer } = base;
  if (config.mail === null) return;
  const { operator } = config;
  const replyTo = operator !== null && isMailAddress(operator.contact) ? operator.contact : null;
  const mailer = owned.use(createMailer({ ...config.mail, replyTo }));
  const sending = createMailSending(
    {
      store,
      clock,
      mailer: logged(log, mailer),
      addresses: createAddressOpener(keyring),
      letters: createLetters({ issuer, operator }),
      tokens: createLinkTokens(keyring),
      offices: { operator: replyTo, letters: createOfficeLetters({ issuer, operator }) },
      onAway: (code) => (code === null ? log.info("the mail server is back") : log.warn("the mail server takes no mail", { code })),
    },
    base.shutdown,
  );
  every({ ...base, owned }, "sending mail", SEND_SECONDS, () => sending.tick());
}

/** Which mail, and the code of the answer: never to whom. */
function logged(log: Logger, mailer: Mailer): Mailer {
  return {
    hand: async (mail) => {
      const answer = await mailer.hand(mail);
      if (answer.kind === "taken") log.debug("a mail was taken", { id: mail.id });
      else log.info("a mail was not taken", { id: mail.id, state: answer.kind, code: answer.because });
      return answer;
    },
  };
}
