import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Request, Response } from "express";
import { RelaisError } from "../../src/core/errors.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { KEY_HOURS, keyEndsAt } from "../../src/core/transfer/given-answer.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { Store, Writer } from "../../src/core/ports.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { answerOnce } from "../../src/http/answer-once.ts";
import { charter, charters } from "../support/charter.ts";
import { platform, tokenOf, type Held } from "../support/held-token.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { startWholeApp, type WholeApp } from "../support/whole-app.ts";

/** What a key stands for (draft-ietf-httpapi-idempotency-key-header-07 §2), over HTTP with real tokens. Row 25 of the fault matrix. */

let whole: WholeApp;
let holder: Participant;
let asking: Awaited<ReturnType<typeof platform>>;
let people = 0;

before(async () => {
  whole = await startWholeApp(charters(charter("2026-11", [])));
  holder = await accreditedParticipant(whole.store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    datasets: [dataset("bills")],
    about: { country: "FR", privacyContact: "dpo@holder.example", synthetic: true },
  });
  asking = await platform(whole, "platform");
});
after(() => whole?.[Symbol.asyncDispose]());

const held = (recurrence?: string): Promise<Held> =>
  tokenOf(whole, holder, { ...asking, subject: `person-${people++}`, ...(recurrence === undefined ? {} : { recurrence }) });

interface Answered {
  status: number;
  body: string;
  location: string | null;
  type: string | null;
}

async function post({ client, value }: Held, key: string | null, body: object): Promise<Answered> {
  const url = `${whole.origin}/v1/transfers`;
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `DPoP ${value}`,
      dpop: await client.proofs.proof({ method: "POST", url, accessToken: value }),
      "content-type": "application/json",
      ...(key === null ? {} : { "idempotency-key": key }),
    },
    body: JSON.stringify(body),
  });
  const [location, type] = [response.headers.get("location"), response.headers.get("content-type")];
  return { status: response.status, body: await response.text(), location, type };
}

const transfersOf = async (consentId: string): Promise<number> =>
  ((await whole.query(`select from relais.transfers where consent_id = '${consentId}'`)) as { rowCount: number }).rowCount;
const codeOf = ({ body }: Answered): string => (JSON.parse(body) as { code: string }).code;

test("one hundred posts at once with one key: one transfer, and each is told the same, or that the first one runs", async () => {
  const token = await held();
  const body = { consent: token.consent.id };
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(token, '"at-once"', body)));
  const accepted = answers.filter(({ status }) => status === 202);
  assert.ok(accepted.length >= 1);
  assert.equal(new Set(accepted.map((answer) => JSON.stringify(answer))).size, 1, "to the byte");
  for (const other of answers.filter(({ status }) => status !== 202))
    assert.deepEqual([other.status, codeOf(other)], [409, "request_running"]);
  assert.equal(await transfersOf(token.consent.id), 1);
  assert.deepEqual(await post(token, '"at-once"', body), accepted[0], "and later too");
});

test("the same answer also when the transfer has gone on since", async () => {
  const token = await held();
  const first = await post(token, '"later"', { consent: token.consent.id });
  await whole.query(`update relais.transfers set state = 'cancelled', ended_at = now() where consent_id = '${token.consent.id}'`);
  assert.deepEqual(await post(token, '"later"', { consent: token.consent.id }), first);
  const now = await post(token, '"a new one"', { consent: token.consent.id });
  assert.equal(now.status, 202);
  assert.notEqual(now.body, first.body);
});

test("another request with the key: 422, and nothing happens; another caller's key is another key", async () => {
  const [one, other] = [await held(), await held()];
  assert.equal((await post(one, '"twice"', { consent: one.consent.id })).status, 202);
  const second = await post(one, '"twice"', { consent: other.consent.id });
  assert.deepEqual([second.status, codeOf(second)], [422, "idempotency_mismatch"]);
  const foreign = await platform(whole, "another");
  const theirs = await tokenOf(whole, holder, { ...foreign, subject: "theirs" });
  assert.equal((await post(theirs, '"twice"', { consent: theirs.consent.id })).status, 202);
});

test("without a key, or with one that is no quoted string: 400, which says what to send", async () => {
  const token = await held();
  for (const key of [null, "unquoted", '""', `"${"x".repeat(129)}"`]) {
    const answer = await post(token, key, { consent: token.consent.id });
    assert.deepEqual([answer.status, codeOf(answer)], [400, "invalid"], String(key));
    assert.match(answer.body, key === null ? /idempotency-key/ : /quoted string/);
  }
  assert.equal(await transfersOf(token.consent.id), 0);
});

test("while the first one runs: 409; when it broke off, the key is free again", async () => {
  const token = await held();
  const request = { caller: asking.participant.entityId, key: '"running"', fingerprint: "x" };
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const running = whole.store.write(async (w) => {
    assert.equal(await w.answers.begin(request, new Date()), null);
    begun.resolve();
    await promise;
    throw new Error("broke off");
  });
  await begun.promise;
  const answer = await post(token, '"running"', { consent: token.consent.id });
  resolve();
  await assert.rejects(running);
  assert.deepEqual([answer.status, codeOf(answer)], [409, "request_running"]);
  assert.equal((await post(token, '"running"', { consent: token.consent.id })).status, 202);
});

test("a refusal is the answer too, to the byte; what time can mend is judged anew", async () => {
  const [one, other] = [await held(), await held()];
  const mismatch = await post(one, '"refused"', { consent: other.consent.id });
  assert.deepEqual([mismatch.status, codeOf(mismatch)], [403, "consent_missing"]);
  assert.deepEqual(await post(one, '"refused"', { consent: other.consent.id }), mismatch);

  const rhythmic = await held("P1D");
  const body = { consent: rhythmic.consent.id };
  assert.equal((await post(rhythmic, '"first"', body)).status, 202);
  const busy = await post(rhythmic, '"second"', body);
  assert.deepEqual([busy.status, codeOf(busy)], [409, "conflict"]);
  await whole.query(`update relais.transfers set state = 'cancelled', ended_at = now() where consent_id = '${rhythmic.consent.id}'`);
  assert.equal((await post(rhythmic, '"second"', body)).status, 202);
});

test("a platform that asks again under a recurrence has the place of what comes by itself, and asks no more often than every half a period", async () => {
  const rhythmic = await held("P1D");
  const body = { consent: rhythmic.consent.id };
  const priorities = async () =>
    (
      (await whole.query(`select priority from relais.transfers where consent_id = '${rhythmic.consent.id}' order by created_at`)) as {
        rows: object[];
      }
    ).rows;
  const arrived = (hours: number) =>
    whole.query(`alter table relais.transfers disable trigger user;
      update relais.transfers set state = 'verified', ended_at = now(), created_at = now() - interval '${hours} hours' where consent_id = '${rhythmic.consent.id}';
      alter table relais.transfers enable trigger user`);
  assert.equal((await post(rhythmic, '"pull one"', body)).status, 202);
  await arrived(11);
  const soon = await post(rhythmic, '"pull two"', body);
  assert.deepEqual([soon.status, codeOf(soon)], [429, "rate_limited"]);
  await arrived(13);
  assert.equal((await post(rhythmic, '"pull two"', body)).status, 202);
  assert.deepEqual(await priorities(), [{ priority: 0 }, { priority: 10 }]);
});

test("a refusal that comes late takes no answer away: neither one that was given meanwhile, nor one that is being given", async () => {
  const request = (key: string) =>
    ({ method: "POST", path: "/v1/transfers", headers: { "idempotency-key": key }, body: {} }) as unknown as Request;
  const caller = asking.participant.entityId;
  const res = { locals: { requestId: "first" } } as unknown as Response;
  const refuse = async () => {
    throw new RelaisError("consent_ended", "It has ended.");
  };
  /** `meanwhile` happens after the refusal was rolled back, and before it is kept. */
  const late = (key: string, meanwhile: () => Promise<void>) => {
    let count = 0;
    const write: Store["write"] = async (work) => {
      if (count++ === 1) await meanwhile();
      return whole.store.write(work);
    };
    const ports = { store: { ...whole.store, write }, clock: realClock, issuer: "https://relais.test" };
    return assert.rejects(answerOnce(ports, { req: request(key), res, caller }, refuse), { code: "consent_ended" });
  };
  const fingerprint = sha256("POST /v1/transfers {}");
  const given = { status: 202, location: null, body: "accepted", consentId: null };
  const accept = async (w: Writer, key: string) => {
    assert.equal(await w.answers.begin({ caller, key, fingerprint }, new Date()), null);
    await w.answers.keep({ caller, key, fingerprint }, given, keyEndsAt(new Date()));
  };
  const keptFor = (key: string) => whole.store.write((w) => w.answers.begin({ caller, key, fingerprint }, new Date()));

  await late('"late"', () => whole.store.write((w) => accept(w, '"late"')));
  assert.equal((await keptFor('"late"'))?.body, "accepted");

  const [isBegun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const run = () =>
    whole.store.write(async (w) => {
      await accept(w, '"running on"');
      isBegun.resolve();
      await mayEnd.promise;
    });
  let running: Promise<void> | undefined;
  await late('"running on"', async () => {
    running = run();
    await isBegun.promise;
  });
  mayEnd.resolve();
  await running;
  assert.equal((await keptFor('"running on"'))?.body, "accepted");
});

test("a token of another permission gets no answer of before", async () => {
  const [one, other] = [await held(), await held()];
  const body = { consent: one.consent.id };
  assert.equal((await post(one, '"of one"', body)).status, 202);
  const answer = await post(other, '"of one"', body);
  assert.deepEqual([answer.status, codeOf(answer)], [403, "consent_missing"]);
});

test("a key ends when it was said to end, and is forgotten", async () => {
  const token = await held("P1D");
  const first = await post(token, '"ends"', { consent: token.consent.id });
  await whole.query(`update relais.transfers set state = 'cancelled', ended_at = now() where consent_id = '${token.consent.id}'`);
  const [row] = (
    (await whole.query(
      `select extract(epoch from expires_at - now())::float8 / 3600 as hours from relais.given_answers where key = '"ends"'`,
    )) as {
      rows: { hours: number }[];
    }
  ).rows;
  assert.ok(row && Math.abs(row.hours - KEY_HOURS) < 0.1, String(row?.hours));
  await whole.query(`update relais.given_answers set expires_at = now() - interval '1 second' where key = '"ends"'`);
  const again = await post(token, '"ends"', { consent: token.consent.id });
  assert.equal(again.status, 202);
  assert.notEqual(again.body, first.body, "a new request");
});

test("the token is looked at first: whoever lost the right gets no answer of before", async () => {
  const token = await held();
  assert.equal((await post(token, '"right"', { consent: token.consent.id })).status, 202);
  const { id: consentId, personId } = token.consent;
  await withdrawConsent({ store: whole.store, clock: realClock }, { consentId, personId });
  const answer = await post(token, '"right"', { consent: consentId });
  assert.deepEqual([answer.status, codeOf(answer)], [403, "consent_ended"]);
});

test("the description of the API says how long a key stands", async () => {
  const document = (await (await fetch(`${whole.origin}/v1/openapi.json`)).json()) as {
    paths: Record<
      string,
      { post: { parameters: { name: string; required: boolean; description?: string; schema: { description?: string } }[] } }
    >;
  };
  for (const path of ["/v1/transfers", "/v1/campaigns"]) {
    const key = document.paths[path]?.post.parameters.find(({ name }) => name === "idempotency-key");
    assert.equal(key?.required, true);
    assert.match(JSON.stringify(key), new RegExp(`${KEY_HOURS} hours`));
  }
});
