import { isDataSetId, KINDS, type DataKind, type DataSet, type Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import { ASSURANCES, isAssurance } from "../person/assurance.ts";
import type { EntityConfiguration } from "../ports.ts";
import type { AdapterName, Endpoints, Participant, PublicJwk, Role } from "./participant.ts";
import { publicKeys } from "./public-keys.ts";

/** What an entity says of itself; id and status are ours to give. */
export type Described = Omit<Participant, "id" | "status">;

type Members = Record<string, unknown>;

/**
 * Reads a participant from its entity configuration (docs/self-data-transfer.md, "What a participant publishes").
 * @throws RelaisError `peer_protocol` naming the member that is missing or wrong.
 */
export function participantFrom(configuration: Omit<EntityConfiguration, "signedBy" | "readAt" | "issuedAt" | "expiresAt">): Described {
  const {
    federation_entity: organisation = {},
    oauth_client: client,
    self_data_holder: holder,
    self_data_platform: platform,
  } = configuration.metadata;
  const main = holder ?? platform ?? client;
  if (main === undefined) throw broken("metadata", "names no holder, platform or client");
  return {
    entityId: configuration.entityId,
    name: text(organisation, "organization_name", 200),
    roles: rolesOf({ holder, platform }),
    adapter: adapterOf({ holder, platform }),
    endpoints: endpointsOf({ holder, platform }),
    keys: clientKeysOf(client),
    federationKeys: publicKeys(configuration.keys, "jwks"),
    datasets: holder ? datasetsOf(holder) : [],
    about: {
      ...aboutOf(main, organisation),
      ...(holder === undefined ? {} : holdingOf(holder)),
      ...(platform?.["takes_compact_form"] === true ? { takesCompactForm: true } : {}),
    },
    client: clientOf(client),
  };
}

/** `delivery: mailbox`: nobody can reach this platform, and it fetches what is for it (docs/mailbox.md). */
function adapterOf({ holder, platform = {} }: { holder: Members | undefined; platform: Members | undefined }): AdapterName {
  const { delivery = "inbox", inbox_endpoint: inbox } = platform;
  if (delivery === "inbox") return "self-data";
  if (delivery !== "mailbox") throw broken("delivery", "is neither `inbox` nor `mailbox`");
  if (inbox !== undefined || holder !== undefined)
    throw broken("delivery", "is `mailbox`, which is for a platform alone that has no inbox endpoint");
  return "mailbox";
}

function rolesOf({ holder, platform }: { holder: Members | undefined; platform: Members | undefined }): Role[] {
  const roles: Role[] = [...(holder ? (["holder"] as const) : []), ...(platform ? (["platform"] as const) : [])];
  return roles.length > 0 ? roles : ["service"];
}

function endpointsOf({ holder = {}, platform = {} }: { holder: Members | undefined; platform: Members | undefined }): Endpoints {
  const found: [keyof Endpoints, unknown][] = [
    ["export", holder.export_endpoint ?? platform.export_endpoint],
    ["inbox", platform.inbox_endpoint ?? holder.inbox_endpoint],
    ["issuer", holder.issuer ?? platform.issuer],
    ["events", holder.events_endpoint ?? platform.events_endpoint],
  ];
  // Paths are appended to export and inbox; the issuer is compared as it is written (OpenID Connect Discovery §4.3).
  const ending = (name: string) => (name === "issuer" ? /$/ : /\/+$/);
  return Object.fromEntries(
    found.filter(([, url]) => url !== undefined).map(([name, url]) => [name, address(url, name).replace(ending(name), "")]),
  );
}

/** With which it signs documents and proves itself as a client. One key per `kid`; its statement keys are for statements alone (§3.1). */
function clientKeysOf(client: Members | undefined): PublicJwk[] {
  const jwks = client?.jwks as { keys?: unknown } | null | undefined;
  return jwks === undefined || jwks === null ? [] : publicKeys(jwks.keys, "oauth_client/jwks");
}

function aboutOf(main: Members, organisation: Members): Participant["about"] {
  const contacts = Array.isArray(organisation.contacts) ? organisation.contacts : [];
  const contact = main.privacy_contact ?? contacts[0];
  const policy = main.policy_uri ?? organisation.policy_uri;
  const logo = main.logo_uri ?? organisation.logo_uri;
  const { incidents_uri: incidents, test_account: testAccount } = main;
  return {
    country: countryOf(main),
    privacyContact: text({ privacy_contact: contact }, "privacy_contact", 200),
    ...(policy === undefined ? {} : { policyUri: address(policy, "policy_uri") }),
    ...(logo === undefined ? {} : { logoUri: address(logo, "logo_uri") }),
    ...(incidents === undefined ? {} : { incidentsUri: address(incidents, "incidents_uri") }),
    ...namesOf(main, "processors"),
    ...namesOf(main, "purposes"),
    ...(testAccount === undefined ? {} : { testAccount: text(main, "test_account", 200) }),
  };
}

/** ISO 3166-1 alpha-2, in capitals: conditions on regions compare it, and pages name the country. */
function countryOf(main: Members): string {
  const country = text(main, "country", 2);
  if (!/^[A-Z]{2}$/.test(country)) throw broken("country", "is not a country of ISO 3166-1 (two capital letters)");
  return country;
}

const MOST_NAMES = 100;

/** A set, in an order of its own: published in another one it is the same. */
function namesOf(members: Members, name: "processors" | "purposes"): { [name: string]: string[] } {
  const list = members[name];
  if (list === undefined) return {};
  if (!Array.isArray(list) || list.length > MOST_NAMES) throw broken(name, `is not a list of at most ${MOST_NAMES} names`);
  const names = list.map((one: unknown) => text({ [name]: one }, name, 200));
  return { [name]: [...new Set(names)].sort() };
}

function holdingOf({
  synthetic,
  tells_inventory: tells,
  access_token_format: format = "opaque",
}: Members): Pick<Participant["about"], "synthetic" | "accessTokens" | "tellsInventory"> {
  if (format !== "opaque" && format !== "jwt") throw broken("access_token_format", "is neither `opaque` nor `jwt`");
  return {
    ...(synthetic === true ? { synthetic } : {}),
    ...(tells === true ? { tellsInventory: true } : {}),
    ...(format === "jwt" ? { accessTokens: format } : {}),
  };
}

function clientOf(client: Members | undefined): Participant["client"] {
  const { redirect_uris: uris, token_endpoint_auth_method: method, tls_client_certificate_bound_access_tokens: binds } = client ?? {};
  const mutualTls = { authenticates: method === "self_signed_tls_client_auth", binds: binds === true };
  const byCertificate = mutualTls.authenticates || mutualTls.binds ? { mutualTls } : {};
  if (uris === undefined) return "mutualTls" in byCertificate ? { redirectUris: [], ...byCertificate } : null;
  if (!Array.isArray(uris) || uris.length === 0 || uris.length > 20) throw broken("redirect_uris", "is not a list of 1 to 20 addresses");
  return { redirectUris: uris.map((uri) => address(uri, "redirect_uris")), ...byCertificate };
}

const MOST_MEDIA_TYPES = 20;

function datasetsOf(holder: Members): DataSet[] {
  const list = holder.datasets;
  if (!Array.isArray(list) || list.length === 0 || list.length > 500) throw broken("datasets", "is not a list of 1 to 500 data sets");
  const datasets = list.map((one: unknown) => datasetOf(one as Members | null));
  if (new Set(datasets.map((dataset) => dataset.id)).size !== datasets.length) throw broken("datasets", "holds the same id twice");
  return datasets;
}

function datasetOf(given: Members | null): DataSet {
  const value = given ?? {};
  const { id, kind, mediaTypes, assurance } = value;
  if (!isDataSetId(id)) throw broken("datasets/id", "is not a dotted lower-case name");
  if (!(KINDS as readonly unknown[]).includes(kind)) throw broken(`datasets/${id}/kind`, `is not one of ${KINDS.join(", ")}`);
  if (
    !Array.isArray(mediaTypes) ||
    mediaTypes.length > MOST_MEDIA_TYPES ||
    !mediaTypes.every((type) => typeof type === "string" && /^[\w.+-]+\/[\w.+-]+$/.test(type))
  )
    throw broken(`datasets/${id}/mediaTypes`, "is not a list of media types");
  if (assurance !== undefined && !isAssurance(assurance))
    throw broken(`datasets/${id}/assurance`, `is not one of ${ASSURANCES.join(", ")}`);
  return {
    id,
    kind: kind as DataKind,
    title: words(value.title, `datasets/${id}/title`),
    description: words(value.description, `datasets/${id}/description`),
    example: words(value.example, `datasets/${id}/example`),
    mediaTypes,
    updateFrequency: text(value, "updateFrequency", 20),
    ...(assurance === undefined ? {} : { assurance }),
    ...(value.acceptsProposals === true ? { acceptsProposals: true } : {}),
  };
}

function words(value: unknown, name: string): Words {
  const { fr, en } = (value ?? {}) as Partial<Words>;
  return { fr: text({ [name]: fr }, name, 1000), en: text({ [name]: en }, name, 1000) };
}

/** One line at most: no control character, no half of a surrogate pair, no mark that turns the direction of reading. */
function text(members: Members, name: string, longest: number): string {
  const value = members[name];
  if (typeof value !== "string" || value.trim() === "" || value.length > longest || !isPlain(value))
    throw broken(name, `is not a text of 1 to ${longest} characters`);
  return value;
}

// oxlint-disable-next-line no-control-regex -- they are what it is about
const STRANGE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

function isPlain(value: string): boolean {
  return value.isWellFormed() && !STRANGE.test(value);
}

/** An absolute https address; http only on loopback, which the way out refuses unless the configuration allows it. */
function address(value: unknown, name: string): string {
  const url = typeof value === "string" && value.length <= 1000 && /^[!-~]+$/.test(value) && URL.canParse(value) ? new URL(value) : null;
  const loopback = url !== null && /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(url.hostname);
  if (url === null || url.hash !== "" || url.username !== "" || !(url.protocol === "https:" || (url.protocol === "http:" && loopback))) {
    throw broken(name, "is not an https address without a fragment");
  }
  return String(value);
}

function broken(member: string, flaw: string): RelaisError {
  return new RelaisError(
    "peer_protocol",
    `In the entity configuration, ${member} ${flaw}. The participant must correct it, and register again.`,
  );
}
