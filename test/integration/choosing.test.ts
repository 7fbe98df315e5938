import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse } from "node-html-parser";
import type { PersonId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { idOf, roleOf, standingOf } from "../support/country.ts";
import { startPublicRegister, type PublicRegister } from "../support/public-register.ts";
import { linkAccount } from "../support/register-fixtures.ts";
import { realClock } from "../support/real-clock.ts";

/** Where a person chooses a participant and there are hundreds: a few are shown, others are searched, and what is chosen stays, by forms alone. */
const COUNT = 430;
const owned = new AsyncDisposableStack();
let relais: PublicRegister;
let cookie: string;
let personId: PersonId;

const participantOf = (n: number) => idOf("prt", n) as `prt_${string}`;
const isOffered = (n: number, role: string) => roleOf(n) === role && standingOf(n) === "accredited";
const ours = 10;
const platform = 8;

before(async () => {
  relais = owned.use(await startPublicRegister({ count: COUNT, configured: 0 }));
  const started = await startSession(
    { store: relais.store, clock: realClock },
    { issuer: "https://id.test", subject: "someone", displayName: "S" },
  );
  cookie = `${SESSION_COOKIE}=${started.token}`;
  personId = started.session.personId;
  await linkAccount(relais.store, personId, participantOf(ours), "customer-4821");
});
after(() => owned.disposeAsync());

async function open(path: string, form?: Record<string, string>) {
  const body = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
  const answer = await fetch(`${relais.origin}${path}`, { ...body, redirect: "manual", headers: { cookie, origin: relais.origin } });
  const text = await answer.text();
  return { status: answer.status, location: answer.headers.get("location") ?? "", bytes: text.length, document: parse(text) };
}
type Page = Awaited<ReturnType<typeof open>>["document"];
const values = (page: Page, side: string) => page.querySelectorAll(`input[name=${side}]`).map((one) => one.getAttribute("value") ?? "");
const labels = (page: Page, side: string) =>
  page.querySelectorAll(`input[name=${side}]`).map((one) => page.querySelector(`label[for=${one.getAttribute("id")}]`)?.text.trim() ?? "");
const checked = (page: Page, side: string) => page.querySelector(`input[name=${side}][checked]`)?.getAttribute("value");
/** Presses a button of the form as a browser does: every field goes into its address. */
function press(page: Page, name: string, changed: Record<string, string> = {}): Promise<Awaited<ReturnType<typeof open>>> {
  const button = page.querySelector(`button[name=${name}]`);
  assert.ok(button, `there is no button ${name}`);
  const fields = page
    .querySelectorAll("form input")
    .filter((one) => !["radio", "checkbox"].includes(one.getAttribute("type") ?? "") || one.hasAttribute("checked"))
    .map((one) => [one.getAttribute("name") ?? "", one.getAttribute("value") ?? ""] as const)
    .filter(([field]) => /^(source|destination)/.test(field));
  const query = new URLSearchParams({ ...Object.fromEntries(fields), ...changed, [name]: button.getAttribute("value") ?? "" });
  return open(`${button.getAttribute("formaction")}?${query}`);
}

test("copy: one's own account first, then a page of those that are accredited, and every page of them by its button", async () => {
  const { status, document, bytes } = await open("/fr/me/copy");
  assert.equal(status, 200);
  assert.ok(bytes < 100_000, `${bytes} bytes`);
  assert.equal(values(document, "source").length, 21);
  assert.match(values(document, "source")[0] ?? "", /^lnk_/);
  const seen = new Set(values(document, "source"));
  for (let page = document; page.querySelector("button[name=sourceMore]") !== null;) {
    page = (await press(page, "sourceMore")).document;
    for (const value of values(page, "source")) seen.add(value);
  }
  const meant = Array.from({ length: COUNT }, (_, place) => place + 1).filter((n) => isOffered(n, "holder") && n !== ours);
  assert.deepEqual([...seen].filter((one) => !one.startsWith("lnk_")).sort(), meant.map(participantOf).sort());
});

test("copy: a search in one list keeps what is chosen and shown in the other", async () => {
  const first = (await open(`/en/me/copy?source=${participantOf(ours)}`)).document;
  const found = (await press(first, "destinationFind", { destinationName: "ABRI" })).document;
  assert.ok(labels(found, "destination").length > 0);
  assert.ok(
    labels(found, "destination").every((label) => label.startsWith("Abri")),
    labels(found, "destination").join(),
  );
  assert.match(checked(found, "source") ?? "", /^lnk_/);
  assert.equal(found.querySelector("#destination-name")?.getAttribute("value"), "ABRI");
  const chosen = values(found, "destination")[0] ?? "";
  const kept = (await press(found, "sourceFind", { destination: chosen, sourceName: "éloïse" })).document;
  assert.equal(checked(kept, "destination"), chosen);
  assert.ok(
    labels(kept, "source")
      .slice(1)
      .every((label) => label.startsWith("Banque Éloïse")),
  );
  const none = (await press(kept, "sourceFind", { sourceName: "nobody at all" })).document;
  assert.match(none.querySelector("main")?.text ?? "", /Nobody who is accredited has a name like this/);
  assert.equal(checked(none, "destination"), chosen, "what is chosen is shown, whatever is searched");
  const back = (await press(none, "sourceFirst")).document;
  assert.equal(values(back, "source").length, 21);
});

test("copy: another name begins at its beginning, whichever button is pressed", async () => {
  const second = (await press((await open("/en/me/copy")).document, "sourceMore")).document;
  const found = (await press(second, "destinationFind", { sourceName: "Banque" })).document;
  const all = Array.from({ length: COUNT }, (_, place) => place + 1).filter((n) => isOffered(n, "holder") && n % 7 === 2);
  assert.equal(labels(found, "source").filter((label) => label.startsWith("Banque")).length, Math.min(20, all.length));
});

test("copy: what is chosen counts, whether it is on the first page or not; who is not accredited does not", async () => {
  const far = Math.max(...Array.from({ length: COUNT }, (_, place) => place + 1).filter((n) => isOffered(n, "holder")));
  const chosen = await open("/en/me/copy", { source: participantOf(far), destination: participantOf(platform) });
  assert.match(chosen.location, new RegExp(`^/en/accounts/${participantOf(far)}\\?next=`));
  const shown = (await open(`/en/me/copy?source=${participantOf(far)}`)).document;
  assert.equal(checked(shown, "source"), participantOf(far));
  assert.ok(!values((await open(`/en/me/copy?source=${participantOf(100)}`)).document, "source").includes(participantOf(100)));
  const nothing = await open("/en/me/copy", { source: "", destination: "" });
  assert.deepEqual([nothing.status, nothing.document.querySelectorAll(".govuk-error-summary a").length], [422, 2]);
  assert.equal((await open("/en/me/copy?sourceMore=nonsense")).status, 400);
});

test("switch: both lists are of data spaces, each with its own search", async () => {
  const { document } = await open("/fr/me/switch");
  assert.deepEqual([values(document, "source").length, values(document, "destination").length], [20, 20]);
  const found = (await press(document, "sourceFind", { sourceName: "nuage" })).document;
  assert.ok(labels(found, "source").every((label) => label.startsWith("Nuage")));
});

test("accounts: those that are proved, and others by a search", async () => {
  const { document, bytes } = await open("/en/accounts");
  assert.ok(bytes < 100_000);
  assert.equal(document.querySelectorAll(".rl-rows__row").length, 1);
  assert.ok(document.querySelectorAll(".rl-list a").length >= 49);
  const next = document.querySelector("a[rel=next]")?.getAttribute("href")?.replaceAll("&amp;", "&") ?? "";
  assert.ok((await open(next)).document.querySelectorAll(".rl-list a").length > 0);
  const found = (await open("/en/accounts?name=mutuelle")).document.querySelectorAll(".rl-list a").map((one) => one.text);
  assert.ok(found.length > 0 && found.every((name) => name.startsWith("Mutuelle")), found.join());
  assert.equal((await open("/en/me")).status, 200);
  assert.equal((await open("/en/me/transfers")).status, 200);
});
