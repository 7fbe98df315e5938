import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { asId, newId, type PersonId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { inDays } from "./engine.ts";
import { cookieBrowser, type CookieBrowser } from "./cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "./identity-app.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { accreditedParticipant, dataset, linkAccount } from "./register-fixtures.ts";
import { makePasskey } from "./soft-authenticator.ts";

/** A person with one of everything that a person may have at Relais. */
export interface Owner {
  personId: PersonId;
  cookie: string;
  visit: CookieBrowser;
  /** Words that are theirs alone; they are in no other person's pages, and in no log. */
  secrets: string[];
}

export interface OwnWorld extends AsyncDisposable {
  relais: IdentityApp;
  /** Every line that was logged. */
  lines: string[];
  owner(name: string): Promise<Owner>;
  /** What a passkey says that is made for whoever uses this browser, in answer to a challenge of theirs. */
  attestation(visit: CookieBrowser): Promise<string>;
  /** A digest of each table; when somebody was last seen is no change. */
  tables(): Promise<Record<string, unknown>>;
  /** What Relais holds on them. */
  holdings(personId: PersonId): Promise<string>;
}

const DATASET = "energy.bills";

/** The portal with passkeys and mail addresses, a holder that takes proposals, a platform, and people who share contracts. */
export async function startOwnWorld(): Promise<OwnWorld> {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", pretty: false, write: (line) => void lines.push(line) });
  const relais = await startIdentityApp({ log });
  const { store, origin } = relais;
  const ports = { store, clock: realClock, policy };
  const holder = await accreditedParticipant(store, {
    entityId: "https://parc.example",
    roles: ["holder"],
    datasets: [{ ...dataset(DATASET), acceptsProposals: true }],
    endpoints: { inbox: "https://parc.example/inbox" },
  });
  const platform = await accreditedParticipant(store, { entityId: "https://ancre.example", roles: ["platform"] });

  const options = async (visit: CookieBrowser, purpose: string): Promise<Parameters<typeof makePasskey>[0]> =>
    JSON.parse((await visit.post(`${origin}/passkeys/options`, { purpose, name: "" })).text);
  const made = async (visit: CookieBrowser, purpose: string) => JSON.stringify(makePasskey(await options(visit, purpose), origin).response);
  const link = async (personId: PersonId, at: Participant, account: string, contract: string[] = []) => {
    const proved = await linkAccount(store, personId, at.id, account);
    const [party = "", ...others] = contract;
    const joint = { reference: contract.toSorted().join(), party, others, rule: "all", safety: false } as const;
    return store.write((w) => w.accounts.putLink({ ...proved, contract: party === "" ? null : joint }));
  };
  const yes = async (personId: PersonId, sourceLinkId: ReturnType<typeof newId<"link">>, destinationLinkId: typeof sourceLinkId) => {
    const terms = { datasets: [DATASET], purpose: "https://w3id.org/dpv#PersonalisedBenefits", recurrence: "P1D", retention: null };
    const about = { personId, sourceLinkId, destinationLinkId, requester: null, language: "en", expires: inDays(30) } as const;
    const { id, noticeHash } = await requestConsent(ports, { ...about, ...terms, action: "copy" });
    return grantConsent(ports, { consentId: id, personId, datasets: [DATASET], noticeHash, language: "en" });
  };

  const owner: OwnWorld["owner"] = async (name) => {
    const visit = cookieBrowser();
    await visit.post(`${origin}/passkeys/create`, { response: await made(visit, "create"), name: `Calls-${name}`, lang: "en" });
    const cookie = ["relais_browser", SESSION_COOKIE].map((one) => `${one}=${visit.cookie(one)}`).join("; ");
    const [row] = await relais.query("select person_id from relais.sessions where display_name = $1 order by created_at desc limit 1", [
      `Calls-${name}`,
    ]);
    const personId = asId("person", row?.["person_id"]);
    await visit.post(`${origin}/passkeys/add`, { response: await made(visit, "add"), name: `key-of-${name}`, lang: "en" });
    const codes = (await visit.post(`${origin}/en/me/account/codes`, {})).text.match(/(?<=<li><code>)[^<]+/g) ?? [];
    const [person] = await relais.query("select issuer, subject from relais.people where id = $1", [personId]);
    const claims = { issuer: String(person?.["issuer"]), subject: String(person?.["subject"]), displayName: `Calls-${name}` };
    await startSession({ store, clock: realClock }, { ...claims, browser: "safari" });
    await visit.post(`${origin}/en/me/mail`, { address: `used-${name}@example.org` });
    await relais.query("update relais.mail_addresses set proved_at = now() where person_id = $1", [personId]);
    await visit.post(`${origin}/en/me/mail`, { address: `waits-${name}@example.org` });
    const partner = await startSession({ store, clock: realClock }, { issuer: "https://id.test", subject: newId("link"), displayName: "" });
    const parties = [`party-${name}`, `partner-${name}`] as const;
    const own = [await link(personId, holder, `meter-${name}`, [...parties]), await link(personId, platform, `space-${name}`)] as const;
    const with_ = partner.session.personId;
    const joint = [
      await link(with_, holder, `second-meter-${name}`, parties.toReversed()),
      await link(with_, platform, `second-space-${name}`),
    ] as const;
    await yes(personId, own[0].id, own[1].id);
    await yes(with_, joint[0].id, joint[1].id);
    return {
      personId,
      cookie,
      visit,
      secrets: [...codes, ...["Calls-", "key-of-", "used-", "waits-", "meter-", "space-"].map((word) => word + name)],
    };
  };

  return {
    relais,
    lines,
    owner,
    attestation: (visit) => made(visit, "add"),
    tables: async () => {
      const names = await relais.query("select tablename as name from pg_tables where schemaname = 'relais' order by 1");
      const digest = (table: unknown) =>
        `select '${String(table)}' as name, md5(coalesce(string_agg((to_jsonb(t) - 'last_seen_at')::text, '' order by to_jsonb(t)::text), '')) as digest from relais."${String(table)}" t`;
      const rows = await relais.query(names.map(({ name }) => digest(name)).join(" union all "));
      return Object.fromEntries(rows.map(({ name, digest: of }) => [String(name), of]));
    },
    holdings: (personId) =>
      store.read(async (r) => {
        const rows: string[] = [];
        for await (const { table, row } of r.account.records(personId))
          rows.push(`${table} ${JSON.stringify({ ...row, last_seen_at: null })}`);
        return rows.join("\n");
      }),
    [Symbol.asyncDispose]: () => relais[Symbol.asyncDispose](),
  };
}
