import { setTimeout as sleep } from "node:timers/promises";
import type { Consent } from "../../src/core/consent/consent.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { testKey } from "../support/register-fixtures.ts";
import { figure, type Measure } from "./measure.ts";
import {
  authentication,
  formRequest,
  lineTo,
  proofOf,
  signingClient,
  type Answer,
  type Line,
  type Prepared,
  type SigningClient,
} from "./signed-requests.ts";
import { benchHolder, consentAt, isActive, workerToken } from "./token-rates.ts";

const PER_SECOND = 300;
const SECONDS = 60;
const CONSENTS = 40;
const CONNECTIONS = 64;
const DATASET = "energy.consumption.daily";
/** Enough that transfers run for the whole time. */
const TRANSFERS = 400;
const ITEMS = 200;

type Tell = (line: string) => void;

/** Introspections and reads of consents, as they come, at a Relais in two processes, whose worker moves what it can meanwhile. */
export async function mixedLoad(_rounds: number, tell: Tell): Promise<Measure[]> {
  const accounts = Array.from({ length: TRANSFERS }, (_, index) => `space-${index}`);
  await using world = await startFaultWorld({ customers: { many: { [DATASET]: { numbered: ITEMS } } }, accounts });
  await world.start("web");
  await world.start("worker,sweeper");
  const key = await testKey();
  const source = await benchHolder(world, key);
  const holder = await signingClient(source.entityId, key);
  const consents = await Promise.all(
    Array.from({ length: CONSENTS }, (_, index) => consentAt(world, source, world.ancre, `account-${index}`)),
  );
  const tokens = await Promise.all(consents.map((consent) => workerToken(world, consent, source)));
  await using line = lineTo(world.url, CONNECTIONS);
  const register = await registerToken(line, world.url, holder);
  await startTransfers(world, accounts);
  const times: number[] = [];
  const failures: string[] = [];
  const running = new Set<Promise<void>>();
  const begun = performance.now();
  for (let index = 0; index < PER_SECOND * SECONDS; index++) {
    const due = begun + (index * 1000) / PER_SECOND;
    if (due > performance.now()) await sleep(due - performance.now());
    const request =
      index % 2 === 0 ? introspectionOf(holder, world.url, tokens, index) : readOf(holder, world.url, consents, { index, register });
    // From when it was due: what waits for us waits for the server.
    const one = line.send(request).then(
      (answer) =>
        void (isGood(answer, index) ? times.push(performance.now() - due) : failures.push(`${answer.status} ${answer.text.slice(0, 80)}`)),
      (error: unknown) => void failures.push(String(error)),
    );
    running.add(one);
    void one.then(() => running.delete(one));
  }
  await Promise.all(running);
  const rate = times.length / ((performance.now() - begun) / 1000);
  const moved = (await world.witness.ledger()).filter(({ event }) => event === "stored").length;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
  tell(
    `${rate.toFixed(0)} answers/s, p95 ${at(0.95).toFixed(0)} ms, ${failures.length} failures (${[...new Set(failures)].slice(0, 3).join(", ")}), ${moved} items moved beside`,
  );
  return [
    figure(
      `introspections and reads of consents, ${PER_SECOND} a second for ${SECONDS} s: answered`,
      rate,
      "answers/s",
      "web in one process, worker and sweeper in another, transfers beside",
    ),
    figure("the same, p50", at(0.5), "ms"),
    figure("the same, p95", at(0.95), "ms", "limit 1000 ms"),
    figure("the same, failures", failures.length, "answers", "limit 0"),
    figure("items moved meanwhile", moved, "items"),
  ];
}

/** Active, where a token was asked about; the consent, where one was read. */
function isGood(answer: Answer, index: number): boolean {
  return index % 2 === 0 ? isActive(answer) : answer.status === 200 && answer.text.includes('"state":"active"');
}

function introspectionOf(holder: SigningClient, issuer: string, tokens: string[], index: number): Prepared {
  const form = { token: tokens[index % tokens.length] as string, token_type_hint: "access_token", ...authentication(holder, issuer) };
  return formRequest("/token/introspection", form, { accept: "application/token-introspection+jwt" });
}

function readOf(
  holder: SigningClient,
  issuer: string,
  consents: Consent[],
  { index, register }: { index: number; register: string },
): Prepared {
  const path = `/v1/consents/${consents[index % consents.length]?.id}`;
  const dpop = proofOf(holder, { method: "GET", url: issuer + path, token: register });
  return { method: "GET", path, headers: { authorization: `DPoP ${register}`, dpop } };
}

/** The holder's own token for the register. */
async function registerToken(line: Line, issuer: string, holder: SigningClient): Promise<string> {
  const url = `${issuer}/token`;
  const form = { grant_type: "client_credentials", scope: "register", resource: `${issuer}/v1` };
  const ask = (nonce?: string) =>
    line.send(
      formRequest("/token", { ...form, ...authentication(holder, issuer) }, { dpop: proofOf(holder, { method: "POST", url, nonce }) }),
    );
  const { text } = await ask(String((await ask()).headers["dpop-nonce"]));
  return (JSON.parse(text) as { access_token: string }).access_token;
}

async function startTransfers(world: FaultWorld, accounts: string[]): Promise<void> {
  for (const destinationAccount of accounts) {
    const person = await world.person({ sourceAccount: "many", destinationAccount });
    await person.transfer(await person.consent([DATASET]));
  }
}
