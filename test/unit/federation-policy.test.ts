import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { applyPolicy, mergePolicies, type Metadata, type MetadataPolicy } from "../../src/core/federation/metadata-policy.ts";
import { packStatuses, readStatus, STATUS } from "../../src/core/federation/status-list.ts";
import { deflateSync } from "node:zlib";
import { validateChain, type Statement } from "../../src/core/federation/trust-chain.ts";
import type { PublicJwk } from "../../src/core/register/participant.ts";
import { readClaims, verifyCompact } from "../../src/keys/verifier.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

const rp = (parameters: Record<string, unknown>): MetadataPolicy => ({ openid_relying_party: parameters as MetadataPolicy[string] });

// OpenID Federation 1.0 §6.1.5: the anchor's policy, the intermediate's, and the leaf's own metadata.
const ANCHOR = rp({
  grant_types: { default: ["authorization_code"], subset_of: ["authorization_code", "refresh_token"], superset_of: ["authorization_code"] },
  token_endpoint_auth_method: { one_of: ["private_key_jwt", "self_signed_tls_client_auth"], essential: true },
  token_endpoint_auth_signing_alg: { one_of: ["PS256", "ES256"] },
  subject_type: { value: "pairwise" },
  contacts: { add: ["helpdesk@federation.example.org"] },
});
const INTERMEDIATE = rp({
  grant_types: { subset_of: ["authorization_code"] },
  token_endpoint_auth_method: { one_of: ["self_signed_tls_client_auth"] },
  contacts: { add: ["helpdesk@org.example.org"] },
});
const LEAF: Metadata = {
  openid_relying_party: {
    redirect_uris: ["https://rp.example.org/callback"],
    response_types: ["code"],
    token_endpoint_auth_method: "self_signed_tls_client_auth",
    contacts: ["rp_admins@rp.example.org"],
    sector_identifier_uri: "https://org.example.org/sector-ids.json",
    policy_uri: "https://org.example.org/policy.html",
  },
};

test("the specification's worked example: merged and applied", () => {
  const merged = mergePolicies([ANCHOR, INTERMEDIATE]);
  assert.deepEqual(merged["openid_relying_party"]?.["grant_types"], {
    default: ["authorization_code"],
    subset_of: ["authorization_code"],
    superset_of: ["authorization_code"],
  });
  assert.deepEqual(merged["openid_relying_party"]["contacts"], { add: ["helpdesk@federation.example.org", "helpdesk@org.example.org"] });
  assert.deepEqual(applyPolicy(LEAF, merged)["openid_relying_party"], {
    redirect_uris: ["https://rp.example.org/callback"],
    response_types: ["code"],
    grant_types: ["authorization_code"],
    token_endpoint_auth_method: "self_signed_tls_client_auth",
    subject_type: "pairwise",
    contacts: ["rp_admins@rp.example.org", "helpdesk@federation.example.org", "helpdesk@org.example.org"],
    sector_identifier_uri: "https://org.example.org/sector-ids.json",
    policy_uri: "https://org.example.org/policy.html",
  });
});

const refused = (work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof RelaisError && error.code === "peer_protocol");
const one = (operators: Record<string, unknown>) => rp({ x: operators });
const having = (x: unknown): Metadata => ({ openid_relying_party: x === undefined ? {} : { x } });

test("what contradicts, or does not comply, is refused", () => {
  refused(() => mergePolicies([one({ value: "a" }), one({ value: "b" })]));
  refused(() => mergePolicies([one({ default: "a" }), one({ default: "b" })]));
  refused(() => mergePolicies([one({ one_of: ["a"] }), one({ one_of: ["b"] })]));
  refused(() => mergePolicies([one({ strange: 1 })], ["strange"]));
  refused(() => applyPolicy(having("c"), one({ one_of: ["a", "b"] })));
  refused(() => applyPolicy(having(undefined), one({ essential: true })));
  refused(() => applyPolicy(having(["a"]), one({ superset_of: ["a", "b"] })));
});

test("unknown operators are left out, absent values stay absent, scope is a list", () => {
  assert.deepEqual(mergePolicies([one({ strange: 1 })]), rp({ x: {} }));
  assert.deepEqual(applyPolicy(having(undefined), one({ one_of: ["a"], subset_of: ["a"] })), having(undefined));
  assert.deepEqual(applyPolicy({ oauth_client: { scope: "a b c" } }, { oauth_client: { scope: { subset_of: ["a", "c"] } } }), {
    oauth_client: { scope: "a c" },
  });
  assert.deepEqual(applyPolicy({}, ANCHOR), {});
});

test("a status list is packed as the draft's example", () => {
  const bits = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
  const bytes = packStatuses(
    bits.map((status, index) => ({ index, status })),
    12,
  );
  assert.equal(Buffer.from(bytes).toString("hex"), "c944f9");
  assert.equal(deflateSync(bytes, { level: 9 }).toString("hex"), "78da3be9f2130003df0207");
  assert.deepEqual(
    [readStatus(bytes, 1), readStatus(bytes, 3), readStatus(bytes, 99), readStatus(bytes, -1)],
    [STATUS.suspended, 3, null, null],
  );
});

const [SUBJECT, ANCHOR_ID] = ["https://leaf.example", "https://anchor.example"];
const now = new Date();
const seconds = Math.floor(now.getTime() / 1000);

async function chainOf(changed: { leaf?: object; sub?: object; anchor?: object; anchorKey?: TestKey; leafKey?: TestKey } = {}) {
  const [leaf, anchor] = await Promise.all([testKey(), testKey()]);
  const life = { iat: seconds - 10, exp: seconds + 600 };
  const sign = (key: TestKey, claims: object) => key.sign("entity-statement+jwt", claims);
  const statement = (claims: object): Partial<Statement> => claims;
  const chain = await Promise.all([
    sign(
      changed.leafKey ?? leaf,
      statement({
        iss: SUBJECT,
        sub: SUBJECT,
        ...life,
        jwks: { keys: [leaf.publicJwk] },
        metadata: { oauth_client: { token_endpoint_auth_method: "none" } },
        ...changed.leaf,
      }),
    ),
    sign(
      anchor,
      statement({
        iss: ANCHOR_ID,
        sub: SUBJECT,
        ...life,
        exp: seconds + 300,
        jwks: { keys: [leaf.publicJwk] },
        metadata_policy: { oauth_client: { token_endpoint_auth_method: { value: "private_key_jwt" } } },
        ...changed.sub,
      }),
    ),
    sign(anchor, statement({ iss: ANCHOR_ID, sub: ANCHOR_ID, ...life, jwks: { keys: [anchor.publicJwk] }, ...changed.anchor })),
  ]);
  return { chain, anchor: { entityId: ANCHOR_ID, keys: [(changed.anchorKey ?? anchor).publicJwk] } };
}

const validate = ({ chain, anchor }: { chain: string[]; anchor: { entityId: string; keys: PublicJwk[] } }) =>
  validateChain(chain, anchor, { verify: verifyCompact, peek: readClaims, now });

test("a good chain resolves: policy applied, and the earliest end", async () => {
  const { metadata, expiresAt } = await validate(await chainOf());
  assert.equal(metadata["oauth_client"]?.["token_endpoint_auth_method"], "private_key_jwt");
  assert.equal(expiresAt.getTime(), (seconds + 300) * 1000);
});

test("a chain that is forged, over, out of order, of another anchor or beyond its constraints is refused", async () => {
  const stranger = await testKey();
  const good = await chainOf();
  const cases: [string, () => Promise<unknown>][] = [
    ["another key of the anchor", async () => validate(await chainOf({ anchorKey: stranger }))],
    ["another key of the leaf", async () => validate(await chainOf({ leafKey: stranger }))],
    ["over", async () => validate(await chainOf({ sub: { exp: seconds - 1 } }))],
    ["from the future", async () => validate(await chainOf({ leaf: { iat: seconds + 600 } }))],
    ["about somebody else", async () => validate(await chainOf({ sub: { sub: "https://other.example" } }))],
    ["out of order", () => validate({ ...good, chain: good.chain.toReversed() })],
    ["without the anchor", () => validate({ ...good, chain: good.chain.slice(0, 2) })],
    [
      "a name that is excluded",
      async () => validate(await chainOf({ sub: { constraints: { naming_constraints: { excluded: [".example"] } } } })),
    ],
    [
      "a name that is not permitted",
      async () => validate(await chainOf({ sub: { constraints: { naming_constraints: { permitted: ["fr"] } } } })),
    ],
    ["without keys", async () => validate(await chainOf({ leaf: { jwks: undefined } }))],
  ];
  for (const [what, work] of cases) await assert.rejects(work(), { code: "peer_protocol" }, what);
});

test("a type that a superior does not allow is left out", async () => {
  const { metadata } = await validate(await chainOf({ sub: { constraints: { allowed_entity_types: ["oauth_resource"] } } }));
  assert.deepEqual(metadata, {});
});
