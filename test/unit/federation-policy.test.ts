import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyPolicy, resolvePolicy, type MetadataPolicy } from "../../src/core/federation/metadata-policy.ts";

const level = (metadataPolicy: MetadataPolicy, metadataPolicyCrit: string[] = []) => ({ metadataPolicy, metadataPolicyCrit });
/** One parameter of one type, through the chain's policies, the most superior first. */
function resolved(input: unknown, ...policies: Record<string, unknown>[]): unknown {
  const policy = resolvePolicy(policies.map((operators) => level({ t: { p: operators } })));
  return applyPolicy({ t: input === undefined ? {} : { p: input } }, policy)["t"]?.["p"];
}

describe("the specification's worked example (OpenID Federation 1.0 §6.1.5)", () => {
  const anchor: MetadataPolicy = {
    openid_relying_party: {
      grant_types: {
        default: ["authorization_code"],
        subset_of: ["authorization_code", "refresh_token"],
        superset_of: ["authorization_code"],
      },
      token_endpoint_auth_method: { one_of: ["private_key_jwt", "self_signed_tls_client_auth"], essential: true },
      token_endpoint_auth_signing_alg: { one_of: ["PS256", "ES256"] },
      subject_type: { value: "pairwise" },
      contacts: { add: ["helpdesk@federation.example.org"] },
    },
  };
  const intermediate: MetadataPolicy = {
    openid_relying_party: {
      grant_types: { subset_of: ["authorization_code"] },
      token_endpoint_auth_method: { one_of: ["self_signed_tls_client_auth"] },
      contacts: { add: ["helpdesk@org.example.org"] },
    },
  };
  const merged = {
    grant_types: { default: ["authorization_code"], superset_of: ["authorization_code"], subset_of: ["authorization_code"] },
    token_endpoint_auth_method: { one_of: ["self_signed_tls_client_auth"], essential: true },
    token_endpoint_auth_signing_alg: { one_of: ["PS256", "ES256"] },
    subject_type: { value: "pairwise" },
    contacts: { add: ["helpdesk@federation.example.org", "helpdesk@org.example.org"] },
  };

  test("merges as it is printed there", () => {
    assert.deepEqual(resolvePolicy([level(anchor), level(intermediate)]), { openid_relying_party: merged });
  });

  test("applies as it is printed there", () => {
    const metadata = {
      openid_relying_party: {
        redirect_uris: ["https://rp.example.org/callback"],
        response_types: ["code"],
        token_endpoint_auth_method: "self_signed_tls_client_auth",
        contacts: ["rp_admins@rp.example.org"],
        sector_identifier_uri: "https://org.example.org/sector-ids.json",
        policy_uri: "https://org.example.org/policy.html",
      },
    };
    assert.deepEqual(applyPolicy(metadata, resolvePolicy([level(anchor), level(intermediate)])), {
      openid_relying_party: {
        redirect_uris: ["https://rp.example.org/callback"],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        token_endpoint_auth_method: "self_signed_tls_client_auth",
        subject_type: "pairwise",
        sector_identifier_uri: "https://org.example.org/sector-ids.json",
        policy_uri: "https://org.example.org/policy.html",
        contacts: ["rp_admins@rp.example.org", "helpdesk@federation.example.org", "helpdesk@org.example.org"],
      },
    });
  });
});

describe("operators", () => {
  const abc = ["a", "b", "c"];

  test("essential with subset_of answers as the table of §6.1.3.1.8", () => {
    // oxfmt-ignore
    const rows: [essential: boolean, input: unknown, output: unknown][] = [
      [true,  ["a", "e"], ["a"]],
      [false, ["a", "e"], ["a"]],
      [true,  ["d", "e"], []],
      [false, ["d", "e"], []],
      [false, undefined,  undefined],
    ];
    for (const [essential, input, output] of rows) assert.deepEqual(resolved(input, { essential, subset_of: abc }), output);
    assert.throws(() => resolved(undefined, { essential: true, subset_of: abc }), /essential value is missing/);
  });

  test("each does its own", () => {
    assert.equal(resolved("x", { value: "y" }), "y");
    assert.equal(resolved("x", { value: null }), undefined);
    assert.deepEqual(resolved(["a"], { add: ["b", "a"] }), ["a", "b"]);
    assert.deepEqual(resolved(undefined, { add: ["b"] }), ["b"]);
    assert.equal(resolved(undefined, { default: "x" }), "x");
    assert.equal(resolved("y", { default: "x" }), "y");
    assert.equal(resolved("a", { one_of: abc }), "a");
    assert.deepEqual(resolved(["a", "b"], { superset_of: ["a"] }), ["a", "b"]);
    assert.throws(() => resolved("z", { one_of: abc }), /one_of/);
    assert.throws(() => resolved(["b"], { superset_of: ["a"] }), /superset_of/);
    assert.throws(() => resolved("a", { subset_of: abc }), /acts on lists/);
  });

  test("two levels merge, or break the chain", () => {
    assert.equal(resolved(undefined, { default: "x" }, { default: "x" }), "x");
    assert.deepEqual(resolved(abc, { subset_of: ["a", "b"] }, { subset_of: ["b", "c"] }), ["b"]);
    assert.throws(() => resolved("x", { value: "x" }, { value: "y" }), /different values/);
    assert.throws(() => resolved("a", { one_of: ["a"] }, { one_of: ["b"] }), /leave nothing/);
    assert.throws(() => resolved(["a"], { superset_of: ["a"] }, { superset_of: ["b"] }), /lacks/);
    assert.throws(() => resolved(undefined, { essential: true }, { essential: false }), /missing/);
  });

  test("combinations that the specification does not allow are refused, also where only the merge makes them", () => {
    const forbidden: Record<string, unknown>[] = [
      { value: ["a"], add: ["b"] },
      { value: null, default: "x" },
      { value: "x", one_of: ["y"] },
      { value: ["a", "b"], subset_of: ["a"] },
      { value: ["a"], superset_of: ["a", "b"] },
      { value: null, essential: true },
      { add: ["a"], one_of: ["a"] },
      { add: ["b"], subset_of: ["a"] },
      { one_of: ["a"], subset_of: ["a"] },
      { subset_of: ["a"], superset_of: ["a", "b"] },
      { essential: "yes" },
      { add: "a" },
    ];
    for (const operators of forbidden)
      assert.throws(() => resolved(["a"], operators), { code: "peer_protocol" }, JSON.stringify(operators));
    assert.throws(() => resolved(["a"], { add: ["b"] }, { subset_of: ["a"] }), /combines add and subset_of/);
  });

  test("scope is a text of words in metadata and a list in a policy", () => {
    const policy = resolvePolicy([level({ t: { scope: { subset_of: ["register", "read"] } } })]);
    assert.deepEqual(applyPolicy({ t: { scope: "register write" } }, policy), { t: { scope: "register" } });
  });

  test("unknown operators are ignored, unless the chain calls them critical", () => {
    assert.equal(resolved("x", { regexp: "^y$" }), "x");
    assert.throws(() => resolvePolicy([level({ t: { p: { regexp: "^y$" } } }, ["regexp"])]), /critical operator regexp/);
  });

  test("types that the subject does not have stay absent", () => {
    assert.deepEqual(applyPolicy({ a: {} }, resolvePolicy([level({ b: { p: { default: "x" } } })])), { a: {} });
  });
});
