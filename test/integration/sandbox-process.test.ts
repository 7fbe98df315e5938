import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import { contentDigest, sha256 } from "../../src/core/transfer/manifest.ts";
import { accountsByPersona, pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import type { ProgramName, SandboxReady } from "../../src/sandbox/main.ts";
import { browser } from "../support/platform-client.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

const SEED = "process";
const DAILY = "energy.consumption.daily";
const [person] = accountsByPersona(SEED) as [ReturnType<typeof accountsByPersona>[number]];
const ACCOUNT = pseudonymousAccounts(SEED, "ancre")[0]?.id as string;
const children: ChildProcess[] = [];
let relais: TinyRelais;
let folder: string;

before(async () => {
  relais = await startTinyRelais();
  folder = await mkdtemp(join(tmpdir(), "sandbox-"));
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await relais[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function start(
  ports: Partial<Record<ProgramName, number>> = {},
): Promise<{ child: ChildProcess; ended: Promise<unknown>; ready: SandboxReady }> {
  const file = join(folder, "settings.json");
  const free = { home: 0, identity: 0, energy: 0, insurance: 0, telecom: 0, ancre: 0, solid: 0 };
  await writeFile(
    file,
    JSON.stringify({
      dataDir: join(folder, "data"),
      seed: SEED,
      relais: relais.issuer,
      host: "127.0.0.1",
      ports: { ...free, ...ports },
      withSolid: false,
    }),
  );
  const child = fork("src/sandbox/main.ts", [file], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  children.push(child);
  const [{ ready }] = (await once(child, "message")) as [{ ready: SandboxReady }];
  return { child, ended: once(child, "exit"), ready };
}

test("an acknowledged item outlives the kill of the program, a replay stays refused, and the page shows it", async () => {
  const first = await start();
  const ancre = String(first.ready.urls["ancre"]);
  const announced = {
    transfer: "trf_kill",
    consent: "cst_1",
    source: "https://source.example",
    destination: ancre,
    subject: ACCOUNT,
    datasets: [{ dataset: DAILY, items: null, bytes: null }],
    expires: "2030-01-01T00:00:00Z",
  };
  const announcing = await relais.send({
    method: "POST",
    url: `${ancre}/inbox/transfers`,
    headers: { "content-type": "application/json", "idempotency-key": '"trf_kill"' },
    body: JSON.stringify(announced),
  });
  assert.equal(announcing.status, 201);
  const location = String(announcing.headers.get("location"));
  const body = JSON.stringify({ date: "2026-10-30", kwh: 12.5 });
  const headers = {
    "content-type": "application/json",
    "content-digest": contentDigest(sha256(body)),
    "idempotency-key": `"trf_kill/${sha256(`${DAILY}/2026-10-30`)}"`,
  };
  const sent = await relais.send({ method: "PUT", url: `${location}/items/${DAILY}/2026-10-30`, headers, body });
  assert.equal(sent.status, 201);
  assert.equal((await relais.send({ method: "GET", url: location })).status, 200);
  const used = relais.last;
  first.child.kill("SIGKILL");
  await first.ended;

  const second = await start({ ancre: Number(new URL(ancre).port) });
  const held = (await (await relais.send({ method: "GET", url: location })).json()) as { state: string; items: object[] };
  assert.deepEqual(held, {
    transfer: "trf_kill",
    state: "open",
    items: [{ dataset: DAILY, key: "2026-10-30", bytes: body.length, digest: contentDigest(sha256(body)) }],
    next: null,
  });
  assert.equal((await fetch(location, used)).status, 401, "a replay");
  const visit = browser();
  assert.equal((await visit.post(`${ancre}/enter`, { email: person.email, password: "wrong" })).status, 401);
  assert.equal((await visit.post(`${ancre}/enter`, { email: person.email, password: person.password })).status, 303);
  const page = await visit.get(`${ancre}/`);
  assert.match(page.text, /<svg/);
  assert.match(page.text, /12,5/);
  assert.equal((await visit.get(`${ancre}/items/${DAILY}/2026-10-30`)).text, body);
  assert.equal((await browser().get(`${ancre}/items/${DAILY}/2026-10-30`)).status, 404, "nobody else");

  second.child.kill("SIGTERM");
  assert.deepEqual(await second.ended, [0, null], "it stops by itself");
});

test("the sandbox ends with the program that started it", async () => {
  const { child, ended } = await start();
  child.disconnect();
  assert.deepEqual(await Promise.race([ended, sleep(10_000)]), [0, null]);
});

test("a person signs in at each program; Ancre tells Relais what the account holds", async () => {
  const { child, ended, ready } = await start();
  for (const [program, subject] of [
    ["identity", pseudonymousAccounts(SEED, "identity")[0]?.id],
    ["energy", person.persona.customers.energy],
    ["ancre", ACCOUNT],
  ] as const) {
    const issuer = String(ready.urls[program]);
    const { idToken, accessToken } = await signIn(issuer, program === "ancre" ? "openid profile self_data.inventory" : "openid profile");
    const claims = decodeJwt(idToken);
    assert.deepEqual([claims.iss, claims.aud, claims.sub, claims["name"]], [issuer, relais.issuer, subject, person.name]);
    if (program !== "ancre") continue;
    const inventory = await fetch(`${issuer}/export/datasets`, { headers: { authorization: `Bearer ${accessToken}` } });
    assert.deepEqual(await inventory.json(), { datasets: [{ dataset: DAILY, items: 1, bytes: 32 }] }, "from the first test");
    assert.equal((await fetch(`${issuer}/export/datasets`, { headers: { authorization: "Bearer other" } })).status, 401);
    const narrow = await signIn(issuer, "openid");
    assert.equal(
      (await fetch(`${issuer}/export/datasets`, { headers: { authorization: `Bearer ${narrow.accessToken}` } })).status,
      401,
      "not without the scope",
    );
  }
  child.kill("SIGTERM");
  await ended;
});

/** The code flow with PKCE as Relais does it, with the person at the form. */
async function signIn(issuer: string, scope: string): Promise<{ idToken: string; accessToken: string }> {
  const verifier = randomBytes(32).toString("base64url");
  const redirect_uri = `${relais.issuer}/link/callback`;
  const asked = new URLSearchParams({
    client_id: relais.issuer,
    redirect_uri,
    response_type: "code",
    scope,
    state: "s",
    nonce: "n",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  });
  const visit = browser();
  const form = await visit.get(String((await visit.get(`${issuer}/auth?${asked}`)).location).replace(/^\//, `${issuer}/`));
  const action = /action="([^"]+)"/.exec(form.text)?.[1] as string;
  const refused = await visit.post(issuer + action, { email: person.email, password: "wrong" });
  assert.equal(refused.status, 401);
  assert.match(refused.text, /role="alert"/);
  let page = await visit.post(issuer + action, { email: person.email, password: person.password });
  while (page.location !== null && !page.location.startsWith(redirect_uri)) page = await visit.get(page.location);
  const code = new URL(String(page.location)).searchParams.get("code") ?? assert.fail(page.text);
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    redirect_uri,
    code_verifier: verifier,
    client_id: relais.issuer,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: relais.assertion(issuer),
  });
  const answer = await fetch(`${issuer}/token`, { method: "POST", body });
  const tokens = (await answer.json()) as { id_token: string; access_token: string };
  assert.equal(answer.status, 200, JSON.stringify(tokens));
  return { idToken: tokens.id_token, accessToken: tokens.access_token };
}
