import { join } from "node:path";
import { ADAPTERS } from "../../adapters/index.ts";
import { createAuthorization, type Authorization } from "../authorization/authorization.ts";
import { pairwiseSubject } from "../authorization/live-consent.ts";
import { ConfigError } from "../config.ts";
import { asRelaisError } from "../core/errors.ts";
import { tellChanges } from "../core/consent/tell-changes.ts";
import type { PersonId } from "../core/ids.ts";
import { originOf } from "../core/ledger/checkpoint.ts";
import { concludeChecks } from "../core/register/conclude-checks.ts";
import type { WaysIn } from "../core/person/ways-in.ts";
import { createKeyLogging } from "../core/register/log-own-keys.ts";
import { createQueueBoard } from "../bullmq/board.ts";
import { openPackageFiles } from "../disk/package-files.ts";
import { createFederation } from "../federation/federation.ts";
import { createLog } from "../http/log.ts";
import { createHttpApp, listen } from "../http/server.ts";
import { answerKeys, clientKey } from "../keys/client-key.ts";
import { createDocumentCheck } from "../keys/document-check.ts";
import { verifyProof } from "../keys/dpop.ts";
import { createAddressSealer, createMarks } from "../keys/mail-addresses.ts";
import { publicRings, type Keyring } from "../keys/keyring.ts";
import { openLogKey } from "../keys/log-key.ts";
import { createSealer } from "../keys/sealer.ts";
import { documentSigner } from "../keys/signer.ts";
import { createVerifier, signedStatements } from "../keys/verifier.ts";
import { networkOf } from "../net/addresses.ts";
import { BOARD_PATH, createBoardDoor } from "../pages/operation/board.ts";
import { createPages } from "../pages/pages.ts";
import { renderProblem } from "../pages/problems.ts";
import { openPreparedPool } from "../postgres/pool.ts";
import { createStandings } from "../postgres/standings.ts";
import { createOauthRecords } from "../postgres/oauth-records.ts";
import { tracedRequests } from "../telemetry/traced-requests.ts";
import type { SandboxPlan } from "../sandbox/plan.ts";
import { relyingPartyId } from "../signin/relying-party.ts";
import type { Upstream } from "../signin/providers.ts";
import { createSignin } from "../signin/signin.ts";
import { readUpstreams } from "../signin/upstream-file.ts";
import { clock, every, registering, type Base } from "./base.ts";

/** A withdrawal is told at once. */
const TELL_SECONDS = 0.1;
/** How soon what was seen of a participant is acted on. */
const CONCLUDE_SECONDS = 1;

type SubjectFor = (entityId: string, personId: PersonId) => string;

export async function startWeb(base: Base, keyring: Keyring, sandbox: SandboxPlan | null): Promise<void> {
  const { issuer, store, policy, network, log } = base;
  const { operator, dataDir, keys: keySettings } = base.config;
  const staff = sandbox && base.config.register.staffFile === null ? sandbox.staff : base.staff;
  const tokens = base.owned.adopt(openPreparedPool(base.databaseUrl), (pool) => pool.end());
  const records = createOauthRecords(tokens);
  const logKey = await openLogKey(join(dataDir, "keys"), originOf(issuer), keySettings.encryptionSecret ?? undefined);
  const register = { ...registering(base, keyring), queue: base.queue, policy, verify: createDocumentCheck(base, keyring, logKey) };
  const standings = createStandings(tokens);
  const authorization = authorizationOf(base, keyring, { staff, records, standings });
  const federation = federationOf(base, keyring);
  const upstreams = upstreamsOf(base, sandbox);
  const signin = signinOf(base, keyring, upstreams);
  const pages = createPages({
    ...register,
    sealer: createSealer(keyring),
    network,
    adapters: ADAPTERS,
    operator,
    staff,
    ways: waysOf(base, upstreams),
    mail: base.config.mail === null ? null : createAddressSealer(keyring),
  });
  const board = createBoardDoor({ store, staff }, base.owned.use(createQueueBoard(base.backend, BOARD_PATH)).look);
  const secret = keyring.secret("subjects");
  const subjectFor: SubjectFor = (entityId, personId) => pairwiseSubject(secret, entityId, personId);
  const app = createHttpApp(
    {
      ...register,
      staff,
      subjectFor,
      callers: authorization.callers,
      standings,
      events: documentSigner(() => keyring.current("oauth")),
      desk: deskOf(base),
    },
    {
      issuer,
      first: [...tracedRequests(base.tracing), authorization.endpoints],
      proxies: base.config.http.proxies,
      mounted: [authorization.router, federation, createLog({ store, key: logKey }), signin, board, pages],
      page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator }),
      log: ({ supportId, status, error }) =>
        log[status >= 500 ? "error" : "info"]("request refused", { requestId: supportId, status, error }),
      onAnswer: (entry) => {
        base.metrics.answered(entry.status);
        log.debug("request", entry);
      },
    },
  );
  base.owned.use(await listen(app, base.address));
  repeat(base, keyring, register, subjectFor);
}

function deskOf({ config: { mailbox } }: Base): Parameters<typeof createHttpApp>[0]["desk"] {
  return mailbox.dir === null ? undefined : { files: openPackageFiles(mailbox.dir), verifier: createVerifier() };
}

/** What the web does by itself. The worker looks, the web decides: only here are the keys that sign marks. */
function repeat(base: Base, keyring: Keyring, register: Parameters<typeof concludeChecks>[0], subjectFor: SubjectFor): void {
  const telling = { store: base.store, clock, subjectFor };
  every(base, "telling participants of consents", TELL_SECONDS, () => tellChanges(telling, base.shutdown));
  every(base, "concluding checks", CONCLUDE_SECONDS, () => concludeChecks(register));
  every(
    base,
    "logging keys",
    CONCLUDE_SECONDS,
    createKeyLogging(base, () => publicRings(keyring)),
  );
}

function authorizationOf(
  base: Base,
  keyring: Keyring,
  own: Pick<Parameters<typeof createAuthorization>[0], "staff" | "records" | "standings">,
): Authorization {
  const { issuer, store, policy, log } = base;
  return createAuthorization({
    ...own,
    issuer,
    store,
    clock,
    policy,
    certificates: base.config.http.certificates,
    statements: { signed: signedStatements, keys: () => keyring.publicRing("federation") },
    keys: authorizationKeys(keyring),
    verifyProof,
    report: (error) => log.error("the authorization server failed", { error: asRelaisError(error) }),
  });
}

function federationOf(base: Base, keyring: Keyring): ReturnType<typeof createFederation> {
  const { issuer, store, charters, entityConfigurations, statements } = registering(base, keyring);
  return createFederation({
    issuer,
    store,
    clock,
    charterVersions: () => charters.list().map(({ version }) => version),
    trustMarkOwners: base.charterOwner.owners,
    entityConfigurations,
    signed: signedStatements,
    keys: () => keyring.publicRing("federation"),
    sign: statements.signDocument,
  });
}

function authorizationKeys(keyring: Keyring): Parameters<typeof createAuthorization>[0]["keys"] {
  return {
    signing: () => keyring.current("oauth").privateJwk,
    worker: () => keyring.publicRing("worker"),
    published: keyring.publicKeys,
    secret: keyring.secret,
    sign: documentSigner(() => keyring.current("oauth")).signDocument,
  };
}

function signinOf(
  { config, issuer, store, network, pool }: Base,
  keyring: Keyring,
  upstreams: Upstream[],
): ReturnType<typeof createSignin> {
  return createSignin({
    issuer,
    upstreams,
    passkeys: config.signin.passkeys,
    newcomers: { mostPerHour: config.limits.accountsPerHour, networkMark: networkMarks(keyring) },
    store,
    clock,
    records: createOauthRecords(pool),
    network,
    clientKey: () => clientKey(keyring.current("signin")),
    decryptionKeys: () => answerKeys(keyring),
    fetchOrigin: network.fetchOrigin,
    allowLoopback: config.sandbox.allowLoopback,
  });
}

function networkMarks(keyring: Keyring): (address: string) => string | null {
  const mark = createMarks(keyring, "networks of newcomers");
  return (address) => {
    const network = networkOf(address);
    return network === null ? null : mark(network);
  };
}

/** The issuer of the settings, or the sandbox's, and those of the file. */
function upstreamsOf({ config, issuer }: Base, sandbox: SandboxPlan | null): Upstream[] {
  const { issuer: named, clientId, clientSecret, profile, algorithm, assurance, file, passkeys } = config.signin;
  const first = named ?? sandbox?.urls["identity"];
  const upstreams = [
    ...(first === undefined
      ? []
      : [
          {
            id: "default",
            name: null,
            issuer: first,
            clientId: clientId ?? issuer,
            profile,
            algorithm: algorithm ?? undefined,
            least: assurance,
          },
        ]),
    ...(file === null ? [] : readUpstreams(file)),
  ];
  const [one] = upstreams;
  if (one?.id === "default" && clientSecret !== null) Object.assign(one, { clientSecret });
  if (upstreams.length > 0 || passkeys) return upstreams;
  throw new ConfigError([
    "RELAIS_SIGNIN_ISSUER: is unset; expected the OpenID Connect issuer at which people sign in, or RELAIS_PASSKEYS=on",
  ]);
}

function waysOf({ config, issuer, log }: Base, upstreams: Upstream[]): WaysIn {
  const isPossible = relyingPartyId(issuer) !== null;
  if (config.signin.passkeys && !isPossible)
    log.warn("passkeys are off: browsers make none for an IP address. Set RELAIS_PUBLIC_URL to an address with a name.", { issuer });
  return {
    providers: upstreams.map(({ id, issuer: from, name }) => ({ id, issuer: from, name })),
    passkeys: config.signin.passkeys ? (isPossible ? "on" : "address") : "off",
  };
}
