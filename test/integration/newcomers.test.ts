import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { networkOf } from "../../src/net/addresses.ts";
import { cookieBrowser } from "../support/cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { makePasskey } from "../support/soft-authenticator.ts";

/** Accounts cost nothing: how many may be opened in an hour, from one network and in all. */

const MOST = 40;
let relais: IdentityApp;
before(async () => {
  relais = await startIdentityApp({ mostPerHour: MOST });
});
after(() => relais?.[Symbol.asyncDispose]());
beforeEach(() => relais.query("delete from relais.account_openings"));

/** Opens an account, as a visitor of this address behind a proxy of ours. */
async function open(address: string, origin = relais.origin, language = "en") {
  const visit = cookieBrowser();
  const asked = await visit.post(`${origin}/passkeys/options`, { purpose: "create" });
  const { response } = makePasskey(JSON.parse(asked.text) as Parameters<typeof makePasskey>[0], relais.origin);
  const headers = { "sec-fetch-site": "same-origin", "x-forwarded-for": address, "accept-language": language };
  return visit.post(`${origin}/passkeys/create`, { response: JSON.stringify(response), lang: language }, headers);
}

const people = async () => (await relais.query("select count(*)::int as count from relais.people"))[0]?.["count"] as number;
const many = (count: number, address: string) =>
  Promise.all(Array.from({ length: count }, (_, i) => open(address, i % 2 === 0 ? relais.origin : relais.second)));

test("thirty in an hour from one network, over two processes at once, and a sentence for the next", async () => {
  const before = await people();
  const statuses = (await many(34, "9.9.9.9")).map(({ status }) => status);
  assert.deepEqual([statuses.filter((status) => status === 303).length, statuses.filter((status) => status === 429).length], [30, 4]);
  assert.equal((await people()) - before, 30, "who is refused leaves nothing");
  assert.match((await open("9.9.9.9")).text, /Many accounts were opened from your network in the last hour/);
  assert.match((await open("9.9.9.9", relais.origin, "fr")).text, /Beaucoup de comptes viennent d’être ouverts depuis votre réseau/);
  assert.equal((await open("9.9.9.8")).status, 303, "from elsewhere");
  await relais.query("update relais.account_openings set at = at - interval '1 hour'");
  assert.equal((await open("9.9.9.9")).status, 303, "an hour later");
});

test("so many in all, wherever they come from, also where nobody can tell where", async () => {
  const before = await people();
  for (let host = 1; host <= MOST; host++) assert.equal((await open(host % 2 === 0 ? "10.0.0.1" : `8.8.${host}.8`)).status, 303);
  const refused = await open("8.8.4.4");
  assert.equal(refused.status, 429);
  assert.match(refused.text, /Many people open an account at the moment/);
  assert.equal((await people()) - before, MOST);
});

test("a network is an IPv4 address or an IPv6 /64, and is kept as a digest alone", async () => {
  assert.deepEqual(
    ["9.9.9.9", "::ffff:9.9.9.9", "2620:fe::fe:9", "2620:fe::1:2:3:4", "10.0.0.1", "127.0.0.1", "fe80::1%eth0", "::1", "nonsense", ""].map(
      networkOf,
    ),
    ["9.9.9.9", "9.9.9.9", "2620:fe::", "2620:fe::", null, null, null, null, null, null],
  );
  await open("9.9.9.9");
  const [row] = await relais.query("select mark from relais.account_openings");
  assert.match(String(row?.["mark"]), /^[A-Za-z0-9_-]{43}$/);
});

test("what somebody says of their own address is not believed: only what the nearest proxy saw counts", async () => {
  await many(30, "9.9.9.9");
  assert.equal((await open("1.2.3.4, 9.9.9.9")).status, 429);
});
