import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { createMailSending, type MailingPorts, type MailSending } from "../../src/core/person/send-mails.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { createMailer } from "../../src/events/mail.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { createAddressOpener, createAddressSealer, createLinkTokens } from "../../src/keys/mail-addresses.ts";
import { createLetters } from "../../src/pages/mail/letters.ts";
import { createOfficeLetters } from "../../src/pages/mail/office-letters.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { REGISTER_PORTS } from "./charter.ts";
import { startEngine, type Engine } from "./engine.ts";
import { fakeAccount, fakeAdapter } from "./fake-participants.ts";
import { freePort } from "./ports.ts";
import { realClock } from "./real-clock.ts";
import { startMailServer, type MailServer } from "./smtp.ts";
import { NO_STANDINGS } from "./no-standings.ts";

export const FROM = "relais@region.example";
export const OPERATOR = { name: "Région Exemple", contact: "aide@region.example" };

export interface Answered {
  status: number;
  location: string | null;
  text: string;
}

export interface MailWorld extends AsyncDisposable {
  engine: Engine;
  pool: pg.Pool;
  smtp: MailServer;
  origin: string;
  /** Of the engine's person. */
  cookie: string;
  /** The cookie of somebody else. */
  signIn(subject: string): Promise<string>;
  /** A worker of its own: what it is told when the mail server goes and comes is in `away`. */
  worker(change?: Partial<MailingPorts>): MailSending & { away: (string | null)[] };
  page(path: string, init?: { form?: Record<string, string>; cookie?: string; headers?: Record<string, string> }): Promise<Answered>;
  /** The engine's person confirms this address by the link that came. */
  prove(address: string, lang?: "fr" | "en"): Promise<void>;
}

/** The portal and workers that send, on a real database, with real keys and a real mail server. */
export async function startMailWorld(datasets: string[]): Promise<MailWorld> {
  const owned = new AsyncDisposableStack();
  const engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), datasets));
  const pool = owned.adopt(openPool(engine.url, 5), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-mail-")), (folder) => rm(folder, { recursive: true }));
  const [web, workerKeys] = [await openKeyring(join(dir, "keys"), "web"), await openKeyring(join(dir, "keys"), "worker")];
  const smtp = owned.use(await startMailServer());
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const unused = (): never => {
    throw new Error("not asked for here");
  };
  const ports = {
    ...engine.ports,
    issuer: origin,
    operator: OPERATOR,
    sealer: { seal: unused, ephemeralProofs: unused },
    standings: NO_STANDINGS,
    callers: { verify: unused, verifyRegister: unused },
    ...REGISTER_PORTS,
    staff: NOBODY,
    mail: createAddressSealer(web),
  };
  const app = createHttpApp(ports, {
    issuer: origin,
    mounted: [createPages(ports)],
    page: (error, { language, ...reader }) =>
      renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: OPERATOR }),
    log: () => undefined,
    onAnswer: () => undefined,
  });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  const signIn = async (subject: string): Promise<string> => {
    const { token } = await startSession(engine.ports, { issuer: "https://id.test", subject, displayName: "Someone" });
    return `${SESSION_COOKIE}=${token}`;
  };
  const world: MailWorld = {
    engine,
    pool,
    smtp,
    origin,
    cookie: await signIn("someone"),
    signIn,
    worker: (change = {}) => {
      const mailer = owned.use(createMailer({ url: smtp.url, from: FROM, replyTo: OPERATOR.contact }));
      const away: (string | null)[] = [];
      const sending = createMailSending(
        {
          store: engine.store,
          clock: realClock,
          mailer,
          addresses: createAddressOpener(workerKeys),
          letters: createLetters({ issuer: origin, operator: OPERATOR }),
          tokens: createLinkTokens(workerKeys),
          offices: { operator: OPERATOR.contact, letters: createOfficeLetters({ issuer: origin, operator: OPERATOR }) },
          onAway: (because) => void away.push(because),
          ...change,
        },
        new AbortController().signal,
      );
      return { ...sending, away };
    },
    page: async (path, { form, cookie, headers = {} } = {}) => {
      const response = await fetch(`${origin}${path}`, {
        redirect: "manual",
        ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
        headers: { accept: "text/html", ...(cookie === undefined ? {} : { cookie, origin }), ...headers },
      });
      return { status: response.status, location: response.headers.get("location"), text: await response.text() };
    },
    prove: async (address, lang = "fr") => {
      await world.page(`/${lang}/me/mail`, { cookie: world.cookie, form: { address } });
      await world.worker().tick();
      const link = linkIn(smtp.mails.findLast(({ to }) => to === address)?.text ?? "", "/mail/prove/");
      await world.page(link, { form: {} });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return world;
}

/** The path of the first link of this kind. */
export function linkIn(text: string, kind: string): string {
  const found = new RegExp(`https?://[^/\\s]+(/(?:fr|en)${kind}[\\w-]+(?:/stop)?)`).exec(text)?.[1];
  if (found === undefined) throw new Error(`there is no ${kind} in: ${text}`);
  return found;
}
