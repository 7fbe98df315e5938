import { type Express, type Request, type Response, urlencoded } from "express";
import { Provider, type Configuration } from "oidc-provider";
import type { Words } from "../../core/catalogue/data-set.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import { escaped, languageOf, sendPage } from "../pages/page.ts";
import { type Account, findByPassword } from "./accounts.ts";
import { memoryRecords } from "./memory-records.ts";
import { signInForm } from "./sign-in-form.ts";

export interface ProviderSettings {
  issuer: string;
  /** Of the organisation, as people see it. */
  name: string;
  title: Words;
  key: OwnKey;
  /** Relais' entity identifier: the one client, which proves itself with its published keys. */
  relais: string;
  accounts: Account[];
  /** Beside `openid` and `profile`. */
  scopes: string[];
}

export interface SandboxProvider {
  settings: ProviderSettings;
  provider: Provider;
}

/** An OpenID provider whose people are the personas and whose only client is Relais: code flow with PKCE, no consent page. */
export function createProvider(settings: ProviderSettings): SandboxProvider {
  const provider = new Provider(settings.issuer, configurationOf(settings));
  return { settings, provider };
}

function configurationOf(settings: ProviderSettings): Configuration {
  return {
    adapter: memoryRecords(),
    clients: [clientOf(settings)],
    jwks: { keys: [settings.key.privateJwk] },
    clientAuthMethods: ["private_key_jwt"],
    responseTypes: ["code"],
    scopes: ["openid", "profile", ...settings.scopes],
    claims: { openid: ["sub"], profile: ["name"] },
    // The name is wanted at once: there is no second call for it.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 300, Interaction: 3600, Session: 3600, Grant: 3600 },
    cookies: { keys: [settings.key.secret("cookies").toString("base64url")], names: cookieNames(settings.issuer) },
    interactions: { url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },
    findAccount: (_ctx, id) => {
      const account = settings.accounts.find((candidate) => candidate.id === id);
      return account && { accountId: id, claims: () => ({ sub: id, name: account.name }) };
    },
    loadExistingGrant: grantAll,
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = "html";
      ctx.body = `<!doctype html><meta charset="utf-8"><title>${escaped(settings.name)}</title><h1>${escaped(settings.name)}</h1><p>${escaped([out.error, out.error_description].filter(Boolean).join(": "))}</p>`;
    },
    // The library's own dispatcher refuses private addresses; in the sandbox Relais may well be on this machine.
    fetch: (url, { method, headers, signal } = {}) =>
      globalThis.fetch(url, {
        ...(method ? { method } : {}),
        ...(headers ? { headers } : {}),
        ...(signal ? { signal } : {}),
        redirect: "error",
      }),
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: true },
      dPoP: { enabled: false },
    },
  };
}

/** Cookies know no ports: programs of one host would write over each other's. */
function cookieNames(issuer: string): { session: string; interaction: string; resume: string } {
  const own = `sandbox${new URL(issuer).port}`;
  return { session: `${own}_session`, interaction: `${own}_interaction`, resume: `${own}_resume` };
}

function clientOf({ relais }: ProviderSettings): NonNullable<Configuration["clients"]>[number] {
  return {
    client_id: relais,
    client_name: "Relais",
    redirect_uris: [`${relais}/sign-in/callback`, `${relais}/link/callback`],
    response_types: ["code"],
    grant_types: ["authorization_code"],
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    id_token_signed_response_alg: "ES256",
    jwks_uri: `${relais}/.well-known/jwks.json`,
  };
}

/** Whoever signs in here came to show the account to Relais: what it asks for is granted, within our scopes. */
const grantAll: NonNullable<Configuration["loadExistingGrant"]> = async (ctx) => {
  const { oidc } = ctx;
  if (!oidc.client || !oidc.session?.accountId) return undefined;
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope([...oidc.requestParamOIDCScopes].join(" "));
  await grant.save();
  return grant;
};

/** The provider at the root of a program, behind the program's own routes. */
export function mountProvider(app: Express, { settings, provider }: SandboxProvider): void {
  const form = urlencoded({ extended: false, limit: "4kb" });
  app.get("/", (request, response) => showEntrance(settings, request, response));
  const whileOpen = (handler: Handler) => (request: Request, response: Response) =>
    ifOpen({ settings, provider }, request, response, handler);
  app.get(
    "/sign-in/:uid",
    whileOpen(({ settings: own }, request, response) => showForm(own, request, response, false)),
  );
  app.post("/sign-in/:uid", form, whileOpen(signIn));
  app.get("/sign-in/:uid/cancel", whileOpen(cancelSignIn));
  const callback = provider.callback();
  app.use((request, response) => void callback(request, response));
}

type Handler = (program: SandboxProvider, request: Request, response: Response) => Promise<void> | void;

async function ifOpen(program: SandboxProvider, request: Request, response: Response, handler: Handler): Promise<void> {
  if (await isOpen(program.provider, request, response)) return handler(program, request, response);
  startAgain(program.settings, request, response);
}

async function signIn({ settings, provider }: SandboxProvider, request: Request, response: Response): Promise<void> {
  const { email, password } = (request.body ?? {}) as Record<string, unknown>;
  const account = findByPassword(settings.accounts, email, password);
  if (account === null) return showForm(settings, request, response, true);
  await provider.interactionFinished(request, response, { login: { accountId: account.id } }, { mergeWithLastSubmission: false });
}

/** Back to Relais, which says in its own words that nothing was proved. */
async function cancelSignIn({ provider }: SandboxProvider, request: Request, response: Response): Promise<void> {
  const result = { error: "access_denied", error_description: "the person went back" };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function isOpen(provider: Provider, request: Request, response: Response): Promise<boolean> {
  return provider.interactionDetails(request, response).then(
    () => true,
    () => false,
  );
}

function showForm(settings: ProviderSettings, request: Request, response: Response, refused: boolean): void {
  const language = languageOf(request);
  sendPage(response, refused ? 401 : 200, {
    language,
    title: settings.name,
    body: signInForm({
      language,
      settings,
      action: request.originalUrl,
      cancel: `/sign-in/${String(request.params["uid"])}/cancel`,
      refused,
      email: (request.body as { email?: unknown } | undefined)?.email,
    }),
  });
}

const ENTRANCE: Words = {
  fr: "Un programme du bac à sable. On s’y connecte en venant de Relais :",
  en: "A program of the sandbox. People sign in here coming from Relais:",
};

/** For whoever comes without a reason; a program with pages of its own answers before. */
function showEntrance({ name, relais }: ProviderSettings, request: Request, response: Response): void {
  const language = languageOf(request);
  sendPage(response, 200, {
    language,
    title: name,
    body: `<h1>${escaped(name)}</h1><p>${ENTRANCE[language]} <a href="${escaped(relais)}">${escaped(relais)}</a></p>`,
  });
}

const EXPIRED: Words = {
  fr: "Cette connexion n’est plus ouverte. Retournez sur Relais et recommencez.",
  en: "This sign-in is no longer open. Go back to Relais and begin again.",
};

function startAgain(settings: ProviderSettings, request: Request, response: Response): void {
  const language = languageOf(request);
  sendPage(response, 400, { language, title: settings.name, body: `<h1>${escaped(settings.name)}</h1><p>${EXPIRED[language]}</p>` });
}
