import { json, Router, type Request, type Response } from "express";
import type { Language } from "../core/catalogue/data-set.ts";
import { RelaisError } from "../core/errors.ts";
import { accountsByPersona } from "./accounts/accounts.ts";
import { officeAccounts, type OfficeAccount } from "./accounts/offices.ts";
import type { OutsideClients } from "./clients.ts";
import { adminPassword } from "./holder/proposal-side.ts";
import { escaped, languageOf, sendPage } from "./pages/page.ts";
import { dataSetsOf } from "./personas/catalogue.ts";
import { HOSTILE_HOLDERS, HOSTILE_NAMES, isOnAnother } from "./holder/personas.ts";
import { HOLDER_NAMES } from "./personas/holdings.ts";
import { BAD_NAMES, BAD_PLATFORMS, type BadPlatform } from "./platform/personas.ts";
import { createPodKeys } from "./solid/pod-keys.ts";

export interface Home {
  seed: string;
  relais: string;
  /** Address of this page, without a slash at its end. */
  url: string;
  /** Every program, by name; `solid` with a slash at its end, or absent. */
  urls: Readonly<Record<string, string>>;
  /** Clients for programs of whoever tries the sandbox. */
  clients: OutsideClients;
  /** Platforms that are bad on purpose. */
  badUrls: Readonly<Partial<Record<BadPlatform, string>>>;
  /** Whether letters are kept here, at `/mailbox`. */
  hasMailbox: boolean;
}

const TEXTS = {
  fr: {
    title: "Bac à sable de Relais",
    intro: "Des organismes, un espace personnel et des personnes qui n’existent pas, pour essayer Relais pour de vrai.",
    people: "Les personnes",
    person: "Personne",
    email: "Adresse e-mail",
    password: "Mot de passe",
    accounts: "Comptes",
    pod: "Créer des clés du pod",
    offices: "Les bureaux du registre",
    officesIntro: "Deux personnes chargées de l’agrément, l’autorité, et l’équipe qui gère Relais, pour essayer le registre.",
    programs: "Les programmes",
    proposals: "les propositions des clients",
    nextDay: "le jour suivant",
    mailbox: "Les courriels que Relais aurait envoyés",
    bad: "Des espaces qui ont des défauts",
    badIntro: "Ils sont faits ainsi exprès : niveau 0, sans aucun compte. Les contrôles trouvent ce qui ne va pas.",
    hostile: "Des organismes qui attaquent",
    hostileIntro: "Ils ne tournent pas tant que vous ne les lancez pas. Personne ne les a admis au registre.",
    flaw: "Ce qui ne va pas",
    see: "Pour le voir",
    keys: "Clés du pod",
    key: {
      podRoot: "Adresse de votre pod",
      clientId: "Identifiant de la clé (client id)",
      clientSecret: "Secret de la clé (client secret)",
    },
    once: "Donnez-les à Relais en reliant le pod. Elles ne seront plus montrées.",
    back: "Retour",
    names: {
      relais: "Relais",
      identity: "Identité",
      energy: "Énergie",
      insurance: "Assurance",
      telecom: "Télécom",
      ancre: "Ancre",
      solid: "Pods Solid",
      platform: "Espace",
      holder: "Organisme",
    },
  },
  en: {
    title: "The Relais sandbox",
    intro: "Organisations, a personal data space and people who do not exist, to try Relais for real.",
    people: "The people",
    person: "Person",
    email: "E-mail address",
    password: "Password",
    accounts: "Accounts",
    pod: "Create pod keys",
    offices: "Offices of the register",
    officesIntro: "Two accreditors, the authority, and the team that runs Relais, to try the register.",
    programs: "The programs",
    proposals: "the proposals of customers",
    nextDay: "the next day",
    mailbox: "The mails that Relais would have sent",
    bad: "Platforms with defects",
    badIntro: "They are so on purpose: level 0, without any account. The checks find what is wrong.",
    hostile: "Organisations that attack",
    hostileIntro: "They do not run until you start them. Nobody took them into the register.",
    flaw: "What is wrong",
    see: "To see it",
    keys: "Pod keys",
    key: { podRoot: "Address of your pod", clientId: "Client id", clientSecret: "Client secret" },
    once: "Give them to Relais when you link the pod. They will not be shown again.",
    back: "Back",
    names: {
      relais: "Relais",
      identity: "Identity",
      energy: "Energy",
      insurance: "Insurance",
      telecom: "Telecom",
      ancre: "Ancre",
      solid: "Solid pods",
      platform: "Platform",
      holder: "Organisation",
    },
  },
} as const satisfies Record<Language, object>;

type Owner = ReturnType<typeof accountsByPersona>[number];

/** The page that an integrator opens first: who lives here, with which password, and where the programs are. */
export function homeRoutes(home: Home): Router {
  const router = Router();
  router.get("/", (request, response) => showHome(home, request, response));
  router.get(
    "/personas.json",
    (_request, response) =>
      void response.set("cache-control", "no-store").json(accountsByPersona(home.seed).map((owner) => told(home, owner))),
  );
  router.post("/clients", json({ limit: "16kb" }), (request, response) => makeClient(home, request, response));
  router.post("/personas/:id/pod-keys", (request, response) => makePodKeys(home, request, response));
  return router;
}

function told({ urls }: Home, { persona, password }: Owner): object {
  return { ...persona, password, podRoot: urls["solid"] === undefined ? null : `${urls["solid"]}${persona.id}/` };
}

function showHome(home: Home, request: Request, response: Response): void {
  const language = languageOf(request);
  const text = TEXTS[language];
  const heads = [text.person, text.email, text.password, text.accounts, ...(home.urls["solid"] ? [text.names.solid] : [])];
  const body = `<h1>${text.title}</h1><p>${text.intro}</p>
<h2>${text.people}</h2>
<div class="wide" tabindex="0" role="region" aria-label="${text.people}"><table class="people"><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>${accountsByPersona(home.seed)
    .map((account) => personRow(home, language, account))
    .join("")}</tbody></table></div>
<h2>${text.offices}</h2><p>${text.officesIntro}</p>
<div class="wide" tabindex="0" role="region" aria-label="${text.offices}"><table class="people"><thead><tr>${[text.person, text.email, text.password].map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>${officeAccounts(home.seed)
    .map((account) => officeRow(text, account))
    .join("")}</tbody></table></div>
<h2>${text.programs}</h2><ul>${programs(home, language)}${home.hasMailbox ? `<li><a href="/mailbox">${text.mailbox}</a></li>` : ""}</ul>${badPlatforms(home, language)}${hostileHolders(home, language)}`;
  sendPage(response, 200, { language, title: text.title, body });
}

function personRow(home: Home, language: Language, { persona, name, email, password }: Owner): string {
  const text = TEXTS[language];
  const accounts = HOLDER_NAMES.filter((holder) => persona.customers[holder] !== undefined).map(
    (holder) => `${text.names[holder]} <code>${escaped(persona.customers[holder] as string)}</code>`,
  );
  const button = `<form method="post" action="/personas/${escaped(persona.id)}/pod-keys"><button type="submit" aria-label="${escaped(`${text.pod}: ${name}`)}">${text.pod}</button></form>`;
  return `<tr><th scope="row">${escaped(name)}</th><td data-head="${text.email}:">${escaped(email)}</td><td data-head="${text.password}:"><code>${escaped(password)}</code></td><td data-head="${text.accounts}:">${[...accounts, text.names.ancre].join("<br>")}</td>${home.urls["solid"] ? `<td>${button}</td>` : ""}</tr>`;
}

function officeRow(text: (typeof TEXTS)[Language], { name, email, password }: OfficeAccount): string {
  return `<tr><th scope="row">${escaped(name)}</th><td data-head="${text.email}:">${escaped(email)}</td><td data-head="${text.password}:"><code>${escaped(password)}</code></td></tr>`;
}

/** On a port of its own each trusts this Relais: a run of one's own needs one that trusts the run. */
function badPlatforms({ badUrls }: Home, language: Language): string {
  const text = TEXTS[language];
  const rows = BAD_NAMES.filter((name) => badUrls[name] !== undefined).map((name) => {
    const shown = `<a href="${escaped(`${badUrls[name]}/.well-known/openid-federation`)}">${escaped(BAD_PLATFORMS[name].name)}</a>`;
    return flawedRow(text, shown, BAD_PLATFORMS[name].flaw[language], `relais sandbox platform --persona ${name}`);
  });
  return rows.length === 0 ? "" : flawedTable(text, { title: text.bad, intro: text.badIntro, kind: text.names.platform }, rows);
}

function hostileHolders({ urls }: Home, language: Language): string {
  const text = TEXTS[language];
  const rows = HOSTILE_NAMES.map((name) => {
    const { name: shown, flaw, faults } = HOSTILE_HOLDERS[name];
    const victim = isOnAnother(faults) ? ` --victim ${urls["energy"]}` : "";
    return flawedRow(text, escaped(shown), flaw[language], `relais sandbox holder --persona ${name}${victim}`);
  });
  return flawedTable(text, { title: text.hostile, intro: text.hostileIntro, kind: text.names.holder }, rows);
}

function flawedTable(text: (typeof TEXTS)[Language], about: Record<"title" | "intro" | "kind", string>, rows: string[]): string {
  const heads = [about.kind, text.flaw, text.see].map((head) => `<th scope="col">${head}</th>`).join("");
  return `<h2>${about.title}</h2><p>${about.intro}</p>
<div class="wide" tabindex="0" role="region" aria-label="${about.title}"><table class="people"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** `shown` is HTML. */
function flawedRow(text: (typeof TEXTS)[Language], shown: string, flaw: string, command: string): string {
  return `<tr><th scope="row">${shown}</th><td data-head="${text.flaw}:">${escaped(flaw)}</td><td data-head="${text.see}:"><code>${escaped(command)}</code></td></tr>`;
}

/** The holder that takes proposals, and who decides on them there. */
function proposalsAt({ urls, seed }: Home, text: (typeof TEXTS)[Language]): string {
  const address = `${urls["energy"]}/admin/proposals`;
  const day = `${urls["energy"]}/admin/day`;
  return ` (<a href="${escaped(address)}">${text.proposals}</a>, <a href="${escaped(day)}">${text.nextDay}</a>: admin, <code>${escaped(adminPassword(seed, "energy"))}</code>)`;
}

function programs(home: Home, language: Language): string {
  const { relais, urls } = home;
  const text = TEXTS[language];
  const { names } = text;
  const all = Object.entries<string>({ relais, ...urls }).filter(([name]) => Object.hasOwn(names, name));
  return all
    .map(
      ([name, url]) =>
        `<li><a href="${escaped(url)}">${escaped(names[name as keyof typeof names])}</a>${name === "energy" ? proposalsAt(home, text) : ""}</li>`,
    )
    .join("");
}

/** What Relais asks for when a pod is linked, in its words. */
const KEY_ROWS = ["podRoot", "clientId", "clientSecret"] as const;

/** For a browser a page, for a program JSON. */
async function makePodKeys(home: Home, request: Request, response: Response): Promise<void> {
  refuseForeign(request, home.url);
  const account = accountsByPersona(home.seed).find(({ persona }) => persona.id === request.params["id"]);
  const server = home.urls["solid"];
  if (account === undefined || server === undefined)
    throw new RelaisError("not_found", "Nobody of this name lives in the sandbox, or it has no pods. The names are in /personas.json.");
  const keys = await createPodKeys(server, { pod: account.persona.id, email: account.email, password: account.password });
  if (request.accepts(["html", "json"]) === "json") return void response.status(201).set("cache-control", "no-store").json(keys);
  const language = languageOf(request);
  const text = TEXTS[language];
  const rows = KEY_ROWS.map((name) => `<tr><th scope="row">${text.key[name]}</th><td><code>${escaped(keys[name])}</code></td></tr>`);
  sendPage(response, 201, {
    language,
    title: text.keys,
    body: `<h1>${text.keys}</h1><p>${text.once}</p><table class="keys"><tbody>${rows.join("")}</tbody></table><p><a href="/">${text.back}</a></p>`,
  });
}

const SOURCE = "energy";

/** For programs alone: what a page of a browser could send is no JSON. With what a consent can be asked for at once. */
async function makeClient({ clients, relais, url, urls }: Home, request: Request, response: Response): Promise<void> {
  refuseForeign(request, url);
  const { entityId, redirectUris } = await clients.create(request.body);
  response
    .status(201)
    .set("cache-control", "no-store")
    .json({
      entity_id: entityId,
      redirect_uris: redirectUris,
      relais,
      source: urls[SOURCE],
      datasets: dataSetsOf(SOURCE).map(({ id }) => id),
    });
}

/** A browser names the page that sends a form (Fetch §3.2): only our own may make keys. */
function refuseForeign(request: Request, own: string): void {
  const origin = request.get("origin");
  if (origin !== undefined && origin !== own)
    throw new RelaisError("forbidden", "This form must be sent from the sandbox's own home page.");
}
