import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { newId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import { joinRegister } from "../../src/core/register/join-register.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { PLAIN } from "../support/charter.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { realClock } from "../support/real-clock.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

/** Joining by what an entity publishes, through the real way out: whatever it answers, there is one clear outcome, and nothing is half done. */
const network = networkFor({ allowLoopback: true, timeouts: { headers: 1500, idle: 1500, metadata: 1500 } });
const publicOnly = networkFor({ allowLoopback: false });
let database: FreshDatabase;
let pool: ReturnType<typeof openPool>;
let store: Store;
let key: TestKey;
let stranger: TestKey;

before(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, 4);
  store = createStore(openDatabase(pool));
  [key, stranger] = await Promise.all([testKey(), testKey()]);
});
after(async () => {
  for (const { close } of entities) close();
  await network[Symbol.asyncDispose]();
  await publicOnly[Symbol.asyncDispose]();
  await pool.end();
  await database.drop();
});

const ports = (way: typeof network) => ({
  store,
  clock: realClock,
  issuer: "https://relais.example",
  charters: PLAIN,
  statements: { signDocument: key.sign },
  entityConfigurations: createEntityConfigurations({ clock: realClock, fetchOrigin: way.fetchOrigin, verify: verifyEntityConfiguration }),
});

/** Closed at the end also where a test failed before it closed its own. */
const entities: { close(): void }[] = [];

async function entity(answer: (entityId: string) => RequestListener): Promise<{ entityId: string; close(): void }> {
  let listener: RequestListener = (_request, response) => void response.end();
  const server = createServer((request, response) => listener(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  listener = answer(entityId);
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  entities.push({ close });
  return { entityId, close };
}

const TYPE = "application/entity-statement+jwt";
const configuration = (entityId: string, changed: object = {}) => {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: entityId,
    sub: entityId,
    iat,
    exp: iat + 600,
    jwks: { keys: [key.publicJwk] },
    metadata: {
      federation_entity: { organization_name: "Nouveau", contacts: ["dpo@nouveau.example"] },
      self_data_platform: { inbox_endpoint: `${entityId}/inbox`, country: "FR" },
    },
    ...changed,
  };
};
const signedBy =
  (signer: () => TestKey, changed: object = {}) =>
  (entityId: string): RequestListener =>
  (_request, response) =>
    void signer()
      .sign("entity-statement+jwt", configuration(entityId, changed))
      .then((jwt) => response.setHeader("content-type", TYPE).end(jwt));

const known = async (entityId: string) => store.read((r) => r.participants.findByEntityId(entityId));

test("a good one is in the sandbox at once, with an organisation, a decision and a mark of level 0; joining again is the same one", async () => {
  const good = await entity(signedBy(() => key));
  const joined = await joinRegister(ports(network), { entityId: good.entityId });
  const mark = await store.read((r) => r.participants.findMark(joined.id));
  assert.deepEqual([joined.status, mark?.level], ["accredited", 0]);
  const organisation = await store.read((r) => r.accreditations.findOrganisationOf(joined.id));
  assert.deepEqual([organisation?.name, organisation?.country], ["Nouveau", "FR"], "as the entity publishes them");
  assert.equal((await joinRegister(ports(network), { entityId: good.entityId })).id, joined.id);
  assert.equal((await store.read((r) => r.accreditations.decisions({ participantId: joined.id, limit: 9 }))).length, 1);
  good.close();
});

// oxfmt-ignore
const HOSTILE: [what: string, code: string, answer: (entityId: string) => RequestListener][] = [
  ["signed with another key",  "peer_protocol",    signedBy(() => stranger)],
  ["about somebody else",      "peer_protocol",    signedBy(() => key, { sub: "https://other.example" })],
  ["expired",                  "peer_protocol",    signedBy(() => key, { exp: 1 })],
  ["huge",                     "peer_protocol",    () => (_request, response) => void response.setHeader("content-type", TYPE).end("x".repeat(200_000))],
  ["redirecting",              "peer_protocol",    () => (_request, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
  ["slow",                     "peer_unavailable", () => () => undefined],
  ["cut off",                  "peer_unavailable", () => (_request, response) => void response.destroy()],
  ["another type",             "peer_protocol",    () => (_request, response) => void response.setHeader("content-type", "text/html").end("<h1>hello</h1>")],
];
for (const [what, code, answer] of HOSTILE)
  test(`${what}: ${code}, and nothing is half done`, async () => {
    const hostile = await entity(answer);
    await assert.rejects(joinRegister(ports(network), { entityId: hostile.entityId }), { code });
    assert.equal(await known(hostile.entityId), null);
    hostile.close();
  });

test("at an address that is not public: refused before anything is sent", async () => {
  let asked = 0;
  const inside = await entity(() => (_request, response) => {
    asked += 1;
    response.end();
  });
  await assert.rejects(joinRegister(ports(publicOnly), { entityId: inside.entityId }), { code: "forbidden" });
  assert.equal(asked, 0);
  inside.close();
});

test("a crowd of newcomers has to wait; who is known already does not", async () => {
  const known = await entity(signedBy(() => key));
  const { id } = await joinRegister(ports(network), { entityId: known.entityId });
  await store.write(async (w) => {
    for (let number = 0; number < 200; number++)
      await w.cases.addOrganisation({
        id: newId("organisation"),
        name: `n${number}`,
        country: "FR",
        status: "active",
        createdAt: new Date(),
      });
  });
  await assert.rejects(joinRegister(ports(network), { entityId: "http://127.0.0.1:1" }), { code: "rate_limited" });
  assert.equal((await joinRegister(ports(network), { entityId: known.entityId })).id, id);
  known.close();
});
