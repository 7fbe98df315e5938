import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { callbackify } from "node:util";
import { SMTPServer, type SMTPServerAddress } from "smtp-server";

/** A mail as it came: its headers by their names in small letters, its subject and both bodies decoded. */
export interface ReceivedMail {
  to: string;
  from: string;
  headers: Map<string, string>;
  subject: string;
  text: string;
  html: string;
  raw: string;
}

/** What the server says at a step instead of yes; called for each mail. */
export type Answers = Partial<Record<"sender" | "recipient" | "data", (address: string) => number | null>>;

export interface MailServer extends AsyncDisposable {
  url: string;
  /** In their order, each as often as it came. */
  mails: ReceivedMail[];
  answers: Answers;
  /** The words of a refusal. */
  refusal: (address: string) => string;
  /** Called with each mail that came, before it is acknowledged. */
  beforeYes: (mail: ReceivedMail) => Promise<void>;
  stop(): Promise<void>;
  /** Again at the same port. */
  start(): Promise<void>;
}

/** A real mail server on this machine that keeps what it receives. */
export async function startMailServer(options: { starttls?: boolean; host?: string } = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  let running: SMTPServer | null = null;
  let port = 0;
  const server: MailServer = {
    url: "",
    mails,
    answers: {},
    refusal: () => "as the test wants it",
    beforeYes: async () => undefined,
    start: async () => {
      running = serverOf(server, options.starttls ?? false);
      running.on("error", () => undefined);
      running.listen(port, options.host ?? "127.0.0.1");
      await once(running.server, "listening");
      port = (running.server.address() as AddressInfo).port;
      server.url = `smtp://127.0.0.1:${port}`;
    },
    stop: async () => {
      const ending = running;
      running = null;
      if (ending === null) return;
      // Whoever is still connected is cut off, as when a machine goes.
      for (const connection of ending.connections) (connection as { close(): void }).close();
      await new Promise<void>((resolve) => ending.close(() => resolve()));
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  await server.start();
  return server;
}

function serverOf(server: MailServer, starttls: boolean): SMTPServer {
  const refusal = (address: string, code: number | null | undefined) =>
    code === null || code === undefined ? null : Object.assign(new Error(server.refusal(address)), { responseCode: code });
  return new SMTPServer({
    disabledCommands: starttls ? ["AUTH"] : ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    onMailFrom: ({ address }: SMTPServerAddress, _session, done) => done(refusal(address, server.answers.sender?.(address))),
    onRcptTo: ({ address }: SMTPServerAddress, _session, done) => done(refusal(address, server.answers.recipient?.(address))),
    onData: (stream, { envelope }, done) => {
      const to = envelope.rcptTo[0]?.address ?? "";
      const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
      const take = async (): Promise<Error | null> => {
        const raw = await text(stream);
        const refused = refusal(to, server.answers.data?.(to));
        if (refused !== null) return refused;
        const mail = { to, from, ...parsed(raw) };
        server.mails.push(mail);
        await server.beforeYes(mail);
        return null;
      };
      callbackify(take)((_failure: Error | null, refused: Error | null) => done(refused));
    },
  });
}

function parsed(raw: string): Pick<ReceivedMail, "headers" | "subject" | "text" | "html" | "raw"> {
  const { headers, body } = partOf(raw);
  const boundary = /boundary="([^"]+)"/.exec(headers.get("content-type") ?? "")?.[1] ?? "";
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => partOf(part.replace(/^\r?\n/, "")));
  const find = (type: string): string => {
    const part = parts.find((one) => one.headers.get("content-type")?.startsWith(type));
    return part === undefined ? "" : decoded(part);
  };
  return { headers, subject: words(headers.get("subject") ?? ""), text: find("text/plain"), html: find("text/html"), raw };
}

function partOf(raw: string): { headers: Map<string, string>; body: string } {
  const [head = "", ...rest] = raw.split(/\r?\n\r?\n/);
  const lines = head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  return { headers, body: rest.join("\r\n\r\n") };
}

function decoded({ headers, body }: { headers: Map<string, string>; body: string }): string {
  const encoding = headers.get("content-transfer-encoding");
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  return encoding === "quoted-printable" ? quoted(body.replaceAll(/=\r?\n/g, "")) : body;
}

function quoted(text: string): string {
  return Buffer.from(
    text.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString("utf8");
}

/** Encoded words (RFC 2047). */
function words(text: string): string {
  return text
    .replaceAll(/\?=\s+=\?/g, "?==?")
    .replaceAll(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_, way: string, word: string) =>
      way.toUpperCase() === "B" ? Buffer.from(word, "base64").toString("utf8") : quoted(word.replaceAll("_", " ")),
    );
}
