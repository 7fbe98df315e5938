import { RelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { MailAnswer, Mailer } from "./mail.ts";
import { mailAddressOf } from "./mail-address.ts";
import { GIVE_UP_HOURS, LEASE_SECONDS, pauseSeconds, type Handed } from "./mail-terms.ts";
import type { OfficeLetters, OfficeMail } from "./office-mail.ts";

export interface OfficeMailing {
  /** Where the operator reads mail; null where it named another way to reach it. */
  operator: string | null;
  letters: OfficeLetters;
}

type OfficePorts = Pick<Ports, "store" | "clock"> & { mailer: Mailer; offices: OfficeMailing };

/**
 * Tells the next office that reports of people wait for it, at the contact that it publishes now. Nothing is sent where all were answered meanwhile,
 * or where the contact is no mail address.
 */
export async function sendOfficeMail(ports: OfficePorts): Promise<Handed> {
  const mail = await ports.store.write((w) => w.offices.claim(LEASE_SECONDS));
  if (mail === null) return "none";
  const { participantId } = mail;
  const { waiting, contact } = await ports.store.read(async (r) => ({
    waiting: await r.problems.waiting(participantId),
    contact: participantId === null ? ports.offices.operator : (await r.participants.get(participantId)).about.privacyContact,
  }));
  const to = addressIn(contact);
  if (waiting === 0 || to === null) {
    await ports.store.write((w) => w.offices.end(mail.id, "nothing"));
    return null;
  }
  const letter = ports.offices.letters.letterOf({ participantId, waiting });
  const answer = await ports.mailer.hand({ id: mail.id, at: mail.createdAt, to, letter, language: "fr, en" });
  await settle(ports, mail, answer);
  return answer;
}

/** A contact may be a web address. */
function addressIn(contact: string | null): string | null {
  try {
    return contact === null ? null : mailAddressOf(contact);
  } catch (error) {
    if (error instanceof RelaisError) return null;
    throw error;
  }
}

async function settle({ store }: OfficePorts, mail: OfficeMail, answer: MailAnswer): Promise<void> {
  await store.write(async ({ offices }) => {
    if (answer.kind === "taken") await offices.end(mail.id, "sent");
    else if (answer.kind === "refused") await offices.end(mail.id, "refused");
    else await offices.postpone(mail.id, { seconds: pauseSeconds(mail, answer), because: answer.because, giveUpHours: GIVE_UP_HOURS });
  });
}
