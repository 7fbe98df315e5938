import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { Opening } from "../../src/core/transfer/adapter.ts";
import type { Manifest } from "../../src/core/transfer/manifest.ts";
import { pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import type { Account } from "./adapter-opening.ts";
import type { ServerProcess } from "./server-process.ts";
import { startSolidServer } from "./solid-server.ts";
import { startTinyRelais } from "./tiny-relais.ts";
import { startApache, startRclone, WEBDAV_PASSWORD, WEBDAV_USER } from "./webdav-server.ts";

/** An account at a real server, and how that server is asked and refuses. */
export interface ServerAccount extends Account, AsyncDisposable {
  /** Relais' issuer, and the manifest as Relais signs it there. */
  issuer: string;
  signManifest(manifest: Manifest): string;
  /** What opens nothing, and the code of the refusal. */
  wrong: Partial<Opening>;
  wrongIs: ErrorCode;
  /** The code for an item whose name cannot be a key. */
  hostileIs: ErrorCode;
  /** What opens these data sets alone, where the server can tell. */
  only(datasets: string[]): Promise<Partial<Opening>>;
}

export const DATASETS = ["energy.bills", "energy.consumption.daily"];
/** Within the consent, and never filled. */
export const UNKNOWN = "energy.unknown";

/** Real servers, each with one empty account. */
export const SERVERS: [name: string, start: () => Promise<ServerAccount>][] = [
  ["self-data on Ancre", startAncre],
  ["webdav on apache2", async () => webdavAccount(await startApache())],
  ["webdav on rclone", async () => webdavAccount(await startRclone())],
  ["solid", startSolid],
];

async function startAncre(): Promise<ServerAccount> {
  await using early = new AsyncDisposableStack();
  const relais = early.use(await startTinyRelais());
  const dataDir = await mkdtemp(join(tmpdir(), "ancre-"));
  early.defer(() => rm(dataDir, { recursive: true }));
  const { entityId } = early.use(await startPlatform({ dataDir, seed: "1", relais: relais.issuer, host: "127.0.0.1", port: 0 }));
  const account = pseudonymousAccounts("1", "ancre")[0]?.id as string;
  const standing = { aud: entityId, account, datasets: [...DATASETS, UNKNOWN], actions: ["copy", "erase"] };
  const consentHeaders = await relais.consentHeaders(standing);
  const wrong = { consentHeaders: await relais.consentHeaders({ ...standing, aud: "https://elsewhere.example" }) };
  const owned = early.move();
  return {
    adapter: "self-data",
    url: entityId,
    endpoints: { export: `${entityId}/export`, inbox: `${entityId}/inbox` },
    account,
    credentials: { kind: "none" },
    consentHeaders,
    signedHeaders: relais.signRequest,
    issuer: relais.issuer,
    signManifest: relais.manifest,
    wrong,
    wrongIs: "unauthenticated",
    // The platform itself refuses the name.
    hostileIs: "peer_refused",
    only: async (datasets) => ({ consentHeaders: await relais.consentHeaders({ ...standing, datasets }) }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Of servers that know nothing of Relais: they read no signature, and no consent. */
const WITHOUT_RELAIS = {
  issuer: "https://relais.example",
  signManifest: (manifest: Manifest) => `e30.${Buffer.from(JSON.stringify(manifest)).toString("base64url")}.c2ln`,
  wrongIs: "peer_refused",
  hostileIs: "peer_protocol",
  only: async () => ({}),
} as const;

function webdavAccount(server: ServerProcess): ServerAccount {
  const credentials = { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD } as const;
  return {
    ...WITHOUT_RELAIS,
    adapter: "webdav",
    url: server.url,
    endpoints: { root: server.url },
    account: "",
    credentials,
    wrong: { credentials: { ...credentials, password: "wrong" } },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startSolid(): Promise<ServerAccount> {
  const { url, pod, clientId, clientSecret, ...server } = await startSolidServer();
  const credentials = { kind: "dpop-client", issuer: url, clientId, clientSecret } as const;
  return {
    ...WITHOUT_RELAIS,
    adapter: "solid",
    url,
    endpoints: { root: url },
    account: pod,
    credentials,
    wrong: { credentials: { ...credentials, clientSecret: "wrong" } },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
