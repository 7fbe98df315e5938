import { createTransport, type SendMailOptions } from "nodemailer";
import type { Letter, LetterLanguage, MailAnswer, Mailer, MailId } from "../core/person/mail.ts";

export interface MailSettings {
  /** smtp:// or smtps://, with the credentials in it. */
  url: string;
  from: string;
  /** Where answers go: the operator's mail address, where it has one. */
  replyTo: string | null;
}

/** How long each step may take; together less than the lease of a mail (core/person/send-mails.ts). */
const DEADLINES = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };
const MAILS_OF_ONE_CONNECTION = 500;

/**
 * One connection to a mail server, kept while there is something to send. Off this machine it is encrypted, with a certificate that the machine
 * trusts, or there is no mail (RFC 8314 §3).
 */
export function createMailer(settings: MailSettings): Mailer & Disposable {
  const transport = createTransport({
    ...serverOf(settings.url),
    ...DEADLINES,
    pool: true,
    maxConnections: 1,
    maxMessages: MAILS_OF_ONE_CONNECTION,
    // Whether a mail goes again is decided by its row alone.
    maxRequeues: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    hand: (mail) => transport.sendMail(messageOf(settings, mail)).then(() => ({ kind: "taken" }) as const, answerOf),
    [Symbol.dispose]: () => transport.close(),
  };
}

const ON_THIS_MACHINE = ["localhost", "127.0.0.1", "[::1]"];

function serverOf(url: string) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const isLocal = ON_THIS_MACHINE.includes(hostname);
  const secure = protocol === "smtps:";
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && !isLocal,
    ignoreTLS: !secure && isLocal,
    tls: { minVersion: "TLSv1.2" as const },
    ...(username === "" ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
  };
}

interface Message {
  id: MailId;
  at: Date;
  to: string;
  letter: Letter;
  language: LetterLanguage;
}

/** Nobody answers a program by a program (RFC 3834 §5); one click ends what can be ended (RFC 8058 §3.1). */
function messageOf({ from, replyTo }: MailSettings, { id, at, to, letter, language }: Message): SendMailOptions {
  const { subject, text, html, unsubscribe } = letter;
  return {
    envelope: { from, to },
    from: { name: "Relais", address: from },
    to: { name: "", address: to },
    ...(replyTo === null ? {} : { replyTo: { name: "", address: replyTo } }),
    subject,
    text,
    html,
    date: at,
    messageId: `<${id}@${from.slice(from.lastIndexOf("@") + 1)}>`,
    xMailer: false,
    headers: {
      "Auto-Submitted": "auto-generated",
      "Content-Language": language,
      ...(unsubscribe === null
        ? {}
        : { "List-Unsubscribe": { prepared: true, value: `<${unsubscribe}>` }, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }),
    },
  };
}

/** Steps that are about one mail; whatever fails before them fails for all of them. */
const STEPS = ["MAIL FROM", "RCPT TO", "DATA", "API"];

/**
 * Only what the server says of the recipient is said of the recipient: a 5xx to our name or our words is ours to mend, and the mail waits for it.
 * The text of an answer may hold the address, and is not kept.
 */
function answerOf(error: unknown): MailAnswer {
  const { code, responseCode, command } = (error ?? {}) as { code?: unknown; responseCode?: unknown; command?: unknown };
  const because = typeof responseCode === "number" ? String(responseCode) : wordOf(code);
  if (!STEPS.includes(String(command)) || code === "ECONNECTION" || code === "EAUTH") return { kind: "away", because };
  return responseCode !== undefined && Number(responseCode) >= 500 && command === "RCPT TO"
    ? { kind: "refused", because }
    : { kind: "later", because };
}

function wordOf(code: unknown): string {
  return typeof code === "string" && /^E[A-Z]{2,20}$/.test(code) ? code : "EUNKNOWN";
}

/** Connects, encrypts and signs in as for a mail, and sends none. Null where that works, else the code of the answer. */
export async function checkMailServer(url: string): Promise<string | null> {
  const transport = createTransport({ ...serverOf(url), ...DEADLINES });
  try {
    await transport.verify();
    return null;
  } catch (error) {
    const answer = answerOf(error);
    return answer.kind === "taken" ? null : answer.because;
  } finally {
    transport.close();
  }
}
