import { asRelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { LetterWriter, LinkTokens, Mail, MailAnswer, Mailer } from "./mail.ts";
import type { AddressOpener, MailAddress } from "./mail-address.ts";
import { GIVE_UP_HOURS, LEASE_SECONDS, LONGEST_REST_SECONDS, pauseSeconds, type Handed } from "./mail-terms.ts";
import { contentOf, type MailContent } from "./mail-content.ts";
import { sendOfficeMail, type OfficeMailing } from "./send-office-mails.ts";

export type MailingPorts = Pick<Ports, "store" | "clock"> & {
  mailer: Mailer;
  addresses: AddressOpener;
  letters: LetterWriter<MailContent>;
  tokens: LinkTokens;
  offices: OfficeMailing;
  /** Told when the mail server goes away, with why, and null when it is back. */
  onAway: (because: string | null) => void;
};

export interface MailSending {
  /** Sends what is due, one after the other, until nothing is or the mail server is away. Returns how many were taken. */
  tick(): Promise<number>;
}

/**
 * Sends mails over the one connection that we have: each claimed under a lease, looked up, handed over, and marked. A worker that dies between
 * handing over and marking has its mail sent again under the same Message-ID: none is lost, and none is another one. A mail server that is away
 * is left alone for a while, and no mail counts that against itself.
 */
export function createMailSending(ports: MailingPorts, shutdown: AbortSignal): MailSending {
  const rest = { until: 0, seconds: 0 };
  return {
    tick: async () => {
      for (let taken = 0; ;) {
        if (shutdown.aborted || ports.clock.now().getTime() < rest.until) return taken;
        const answer = await sendNext(ports);
        if (answer === "none") return taken;
        restAfter(ports, rest, answer);
        if (answer?.kind === "taken") taken += 1;
      }
    },
  };
}

function restAfter({ clock, onAway }: MailingPorts, rest: { until: number; seconds: number }, answer: MailAnswer | null): void {
  if (answer?.kind === "away") {
    if (rest.seconds === 0) onAway(answer.because);
    rest.seconds = Math.min(Math.max(1, rest.seconds * 2), LONGEST_REST_SECONDS);
    rest.until = clock.now().getTime() + rest.seconds * 1000;
  } else if (answer !== null && rest.seconds > 0) {
    rest.seconds = 0;
    onAway(null);
  }
}

/** People come before offices. */
async function sendNext(ports: MailingPorts): Promise<Handed> {
  const mail = await ports.store.write((w) => w.mailing.claim(LEASE_SECONDS));
  return mail === null ? sendOfficeMail(ports) : send(ports, mail);
}

/** Null where nothing was handed over, because there was nothing to say or nobody to say it to. */
async function send(ports: MailingPorts, mail: Mail): Promise<MailAnswer | null> {
  const found = await ports.store.write(async (w) => {
    const address = await w.mail.addressOf(mail);
    const content = address && (await contentOf(w, { mail, address, tokens: ports.tokens, now: ports.clock.now() }));
    if (content === null) await w.mailing.end(mail.id, "nothing");
    return address && content ? { address, content } : null;
  });
  if (found === null) return null;
  const answer = await handOver(ports, mail, found);
  await settle(ports, mail, found.address, answer);
  return answer;
}

async function handOver(
  { addresses, letters, mailer }: MailingPorts,
  mail: Mail,
  { address, content }: { address: MailAddress; content: MailContent },
): Promise<MailAnswer> {
  try {
    const { language } = address;
    const to = await addresses.open(address.sealed);
    return await mailer.hand({ id: mail.id, at: mail.createdAt, to, language, letter: letters.letterOf(content, language) });
  } catch (error) {
    return { kind: "later", because: asRelaisError(error).code };
  }
}

async function settle({ store, clock }: MailingPorts, mail: Mail, address: MailAddress, answer: MailAnswer): Promise<void> {
  await store.write(async (w) => {
    if (answer.kind === "taken") await w.mailing.end(mail.id, "sent");
    else if (answer.kind === "refused") {
      await w.mailing.end(mail.id, "refused");
      await w.mailing.markUnreachable(address.id, clock.now());
    } else await w.mailing.postpone(mail.id, { seconds: pauseSeconds(mail, answer), because: answer.because, giveUpHours: GIVE_UP_HOURS });
    // Kept only for this mail: whatever became of it, unless it is tried again.
    if (mail.kind === "address-changed" && (answer.kind === "taken" || answer.kind === "refused")) await w.mailing.forget(address.id);
  });
}
