import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import { packStatuses, readStatus, STATUS } from "../../src/core/federation/status-list.ts";
import { readStatement } from "../../src/core/federation/statement.ts";
import { buildChain, validateChain } from "../../src/core/federation/trust-chain.ts";
import { validateTrustMark } from "../../src/core/federation/trust-mark.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

const LEAF = "https://leaf.sub.example.com";
const MIDDLE = "https://middle.example.com";
const ANCHOR = "https://anchor.example.org";
const NOW = new Date();
const seconds = Math.floor(NOW.getTime() / 1000);
let keys: Record<"leaf" | "middle" | "anchor" | "thief", TestKey>;

before(async () => {
  const [leaf, middle, anchor, thief] = await Promise.all([testKey(), testKey(), testKey(), testKey()]);
  keys = { leaf, middle, anchor, thief };
});

type Change = Record<string, unknown>;
const claims = (iss: string, sub: string, of: TestKey, more: Change) => ({
  iss,
  sub,
  iat: seconds,
  exp: seconds + 600,
  jwks: { keys: [of.publicJwk] },
  ...more,
});
const sign = (key: TestKey, payload: object, typ = "entity-statement+jwt") => key.sign(typ, payload);
const leafMetadata = { metadata: { oauth_client: { redirect_uris: ["https://leaf.sub.example.com/cb"] }, self_data_platform: {} } };

/** Leaf, middle about leaf, anchor about middle, anchor; each may be changed. */
async function chain({ leaf = {}, middle = {}, about = {}, anchor = {} }: Record<string, Change> = {}): Promise<string[]> {
  return Promise.all([
    sign(keys.leaf, claims(LEAF, LEAF, keys.leaf, { authority_hints: [MIDDLE], ...leafMetadata, ...leaf })),
    sign(keys.middle, claims(MIDDLE, LEAF, keys.leaf, middle)),
    sign(keys.anchor, claims(ANCHOR, MIDDLE, keys.middle, about)),
    sign(keys.anchor, claims(ANCHOR, ANCHOR, keys.anchor, anchor)),
  ]);
}

const configured = () => ({ entityId: ANCHOR, keys: [keys.anchor.publicJwk] });
const validate = (jwts: string[], anchor = configured()) => validateChain(signedStatements, jwts, anchor, NOW);

describe("a trust chain", () => {
  test("is valid, ends with its first statement, and gives the subject's metadata", async () => {
    const jwts = await chain({
      middle: { exp: seconds + 60, metadata: { oauth_client: { policy_uri: "https://middle.example.com/policy" }, other: { x: 1 } } },
      about: { metadata_policy: { oauth_client: { token_endpoint_auth_method: { default: "private_key_jwt" } } } },
    });
    const { metadata, expiresAt } = await validate(jwts);
    assert.equal(expiresAt.getTime(), (seconds + 60) * 1000);
    assert.deepEqual(metadata, {
      oauth_client: {
        redirect_uris: ["https://leaf.sub.example.com/cb"],
        policy_uri: "https://middle.example.com/policy",
        token_endpoint_auth_method: "private_key_jwt",
      },
      self_data_platform: {},
    });
  });

  test("is refused for every single thing that does not hold", async () => {
    const good = await chain();
    const [leaf, middle, about, anchor] = good as [string, string, string, string];
    const thiefAnchor = await sign(keys.thief, claims(ANCHOR, ANCHOR, keys.thief, {}));
    // oxfmt-ignore
    const cases: [name: string, jwts: string[], says: RegExp][] = [
      ["another anchor's key under its name", [leaf, middle, await sign(keys.thief, claims(ANCHOR, MIDDLE, keys.middle, {})), thiefAnchor], /configured trust anchor/],
      ["the anchor's statement by another key", [leaf, middle, await sign(keys.thief, claims(ANCHOR, MIDDLE, keys.middle, {})), anchor], /does not have/],
      ["an unknown anchor", [leaf, middle], /does not end with/],
      ["a wrong order", [leaf, about, middle, anchor], /needs one about/],
      ["an expired statement", await chain({ middle: { exp: seconds - 1 } }), /expired/],
      ["a statement of tomorrow", await chain({ about: { iat: seconds + 86_400, exp: seconds + 90_000 } }), /future/],
      ["a missing claim", await chain({ middle: { exp: undefined } }), /lacks exp/],
      ["a subject that another key signed", [await sign(keys.thief, claims(LEAF, LEAF, keys.leaf, leafMetadata)), middle, about, anchor], /does not have/],
      ["another type", [leaf, await sign(keys.middle, claims(MIDDLE, LEAF, keys.leaf, {}), "JWT"), about, anchor], /does not verify/],
      ["a changed signature", [leaf, `${middle.slice(0, -8)}AAAAAAAA`, about, anchor], /does not verify/],
      ["a critical claim", await chain({ middle: { crit: ["x"] } }), /crit/],
      ["a policy in a configuration", await chain({ leaf: { metadata_policy: {} } }), /other kind/],
      ["a null in metadata", await chain({ leaf: { metadata: { oauth_client: { x: null } } } }), /null/],
      ["a policy that is violated", await chain({ about: { metadata_policy: { oauth_client: { client_name: { essential: true } } } } }), /essential/],
      ["a critical operator", await chain({ about: { metadata_policy_crit: ["regexp"] } }), /critical operator/],
      ["too long a path", await chain({ about: { constraints: { max_path_length: 0 } } }), /1 intermediates/],
      ["an excluded name", await chain({ about: { constraints: { naming_constraints: { excluded: [".example.com"] } } } }), /outside of the names/],
      ["a name that is not permitted", await chain({ about: { constraints: { naming_constraints: { permitted: ["middle.example.com"] } } } }), /leaf.sub.example.com is outside/],
      ["nothing", [], /1 to 12/],
      ["no JWT", ["x"], /JW/],
    ];
    for (const [name, jwts, says] of cases) await assert.rejects(validate(jwts), { code: "peer_protocol", message: says }, name);
    await assert.rejects(validate(good, { entityId: ANCHOR, keys: [keys.thief.publicJwk] }), /configured trust anchor/);
    await validate(good);
  });

  test("keeps only the entity types that every superior allows", async () => {
    const jwts = await chain({
      middle: { constraints: { allowed_entity_types: ["self_data_platform", "oauth_client"], max_path_length: 0 } },
      about: {
        constraints: {
          allowed_entity_types: ["self_data_platform"],
          max_path_length: 1,
          naming_constraints: { permitted: [".example.com"] },
        },
      },
    });
    assert.deepEqual(Object.keys((await validate(jwts)).metadata), ["self_data_platform"]);
  });
});

describe("building a chain", () => {
  interface World {
    configurations: Record<string, string>;
    statements: Record<string, string>;
    asked: number;
  }
  const source = (world: World) => ({
    configuration: async (id: string) => (world.asked++, world.configurations[id] ?? null),
    subordinate: async ({ sub }: { sub: string }, about: string) => (world.asked++, world.statements[`${sub} ${about}`] ?? null),
  });

  test("climbs by the hints, and what it finds validates", async () => {
    const [leaf, middle, about, anchor] = (await chain()) as [string, string, string, string];
    const middleOwn = await sign(keys.middle, claims(MIDDLE, MIDDLE, keys.middle, { authority_hints: ["https://gone.example", ANCHOR] }));
    const world: World = {
      configurations: { [MIDDLE]: middleOwn, [ANCHOR]: anchor },
      statements: { [`${MIDDLE} ${LEAF}`]: middle, [`${ANCHOR} ${MIDDLE}`]: about },
      asked: 0,
    };
    const found = await buildChain(signedStatements, source(world), { configuration: leaf }, ANCHOR);
    assert.deepEqual(found, [leaf, middle, about, anchor]);
    await validate(found);
  });

  test("ends where entities name each other, or name ever more of them", async () => {
    const own = (id: string, hints: string[]) => sign(keys.leaf, claims(id, id, keys.leaf, { authority_hints: hints }));
    const [a, b] = ["https://a.example", "https://b.example"];
    const loop: World = {
      configurations: { [a]: await own(a, [b]), [b]: await own(b, [a]) },
      statements: { [`${a} ${b}`]: "x", [`${b} ${a}`]: "x" },
      asked: 0,
    };
    assert.equal(await buildChain(signedStatements, source(loop), { configuration: await own(a, [b]) }, ANCHOR), null);
    assert.ok(loop.asked <= 4);
    let asked = 0;
    const endless = {
      configuration: async (id: string) => (asked++, own(id, [`${id}0`, `${id}1`, `${id}2`])),
      subordinate: async () => (asked++, "x"),
    };
    assert.equal(await buildChain(signedStatements, endless, { configuration: await own(a, [b]) }, ANCHOR), null);
    assert.ok(asked <= 20, `${asked} fetches`);
  });
});

describe("a trust mark", () => {
  const TYPE = "https://anchor.example.org/charter/1";
  const OWNER = "https://owner.example";
  const mark = (more: Change = {}) => ({ iss: MIDDLE, sub: LEAF, trust_mark_type: TYPE, iat: seconds, exp: seconds + 600, ...more });
  const anchor =
    (more: Change = {}) =>
    async () =>
      readStatement(
        signedStatements,
        await sign(keys.anchor, claims(ANCHOR, ANCHOR, keys.anchor, { trust_mark_issuers: { [TYPE]: [MIDDLE] }, ...more })),
      );
  const check = async (jwt: string, of = anchor()) =>
    validateTrustMark(signedStatements, jwt, {
      subject: LEAF,
      anchor: await of(),
      issuerKeys: async () => [keys.middle.publicJwk],
      now: NOW,
    });
  const signed = (more: Change = {}, key = keys.middle, typ = "trust-mark+jwt") => sign(key, mark(more), typ);

  test("of a listed issuer holds, and of nobody else", async () => {
    assert.equal((await check(await signed())).trust_mark_type, TYPE);
    await check(await signed(), anchor({ trust_mark_issuers: { [TYPE]: [] } }));
    const cases: [string, string, ReturnType<typeof anchor>][] = [
      ["another subject", await signed({ sub: MIDDLE }), anchor()],
      ["an unlisted issuer", await signed(), anchor({ trust_mark_issuers: { [TYPE]: [OWNER] } })],
      ["an unknown type", await signed({ trust_mark_type: "https://x.example" }), anchor()],
      ["a type that is a name of every object", await signed({ trust_mark_type: "constructor" }), anchor()],
      ["expired", await signed({ exp: seconds - 1 }), anchor()],
      ["another key", await signed({}, keys.thief), anchor()],
      ["another type of JWT", await signed({}, keys.middle, "entity-statement+jwt"), anchor()],
      ["no iat", await signed({ iat: undefined }), anchor()],
    ];
    for (const [name, jwt, of] of cases) await assert.rejects(check(jwt, of), { code: "peer_protocol" }, name);
  });

  test("of a type with an owner needs a delegation by that owner to that issuer", async () => {
    const owned = anchor({ trust_mark_owners: { [TYPE]: { sub: OWNER, jwks: { keys: [keys.thief.publicJwk] } } } });
    const delegation = (more: Change = {}, key = keys.thief, typ = "trust-mark-delegation+jwt") =>
      sign(key, { iss: OWNER, sub: MIDDLE, trust_mark_type: TYPE, iat: seconds, ...more }, typ);
    await check(await signed({ delegation: await delegation() }), owned);
    const wrong: [string, string | undefined][] = [
      ["none", undefined],
      ["to another issuer", await delegation({ sub: LEAF })],
      ["by another owner", await delegation({ iss: ANCHOR })],
      ["by another key", await delegation({}, keys.middle)],
      ["of another type", await delegation({ trust_mark_type: "https://x.example" })],
      ["ended", await delegation({ exp: seconds - 1 })],
      ["another type of JWT", await delegation({}, keys.thief, "trust-mark+jwt")],
    ];
    for (const [name, jwt] of wrong) await assert.rejects(check(await signed({ delegation: jwt }), owned), { code: "peer_protocol" }, name);
    await assert.rejects(check(await signed({ delegation: await delegation() })), /owner that the trust anchor does not name/);
  });
});

test("a status list is packed as the draft's example (§4.1)", () => {
  const values = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
  const bytes = packStatuses(
    values.map((status, index) => ({ index, status })),
    12,
  );
  assert.equal(Buffer.from(bytes).toString("hex"), "c944f9");
  assert.equal(deflateSync(bytes, { level: 9 }).toString("hex"), "78da3be9f2130003df0207");
  assert.deepEqual(
    [readStatus(bytes, 1), readStatus(bytes, 3), readStatus(bytes, 99), readStatus(bytes, -1)],
    [STATUS.suspended, 3, null, null],
  );
});
