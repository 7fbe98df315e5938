import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PERSON_ROUTES } from "../../src/pages/routes.ts";
import {
  addressTries,
  changed,
  crawl,
  dropped,
  ELSEWHERE,
  formsOf,
  once,
  shapeOf,
  visitsOf,
  type Fields,
  type FoundForm,
  type Page,
  type Visit,
} from "../support/forms.ts";
import { startOwnWorld, type Owner, type OwnWorld } from "../support/own-world.ts";

/**
 * Every form of a person's own pages, found by reading them: each id and each field swapped for another person's, dropped, doubled, edited; sent
 * from another site, and by nobody. Each is refused in words and changes nothing, or does what the person may do with what is theirs alone.
 */

const STARTS = ["/me/account", "/me/mail", "/me/contracts", "/me/propose"];
let world: OwnWorld;
let visit: Visit;
let other: Owner;
let theirs: FoundForm[];

before(async () => {
  world = await startOwnWorld();
  visit = visitsOf(world.relais.origin);
  other = await world.owner("Zephyrine");
  theirs = await formsFor(other);
});
after(() => world?.[Symbol.asyncDispose]());

async function formsFor({ cookie }: Owner): Promise<FoundForm[]> {
  const pages = await crawl(visit, { cookie, starts: STARTS });
  for (const [path, { status }] of pages) assert.equal(status, 200, path);
  return [...pages.values()].flatMap(formsOf);
}

/** A number: refused with this status, and nothing has changed. `own`: taken, and does to the sender's own alone what it says. */
type Said = number | "own";
interface Field {
  dropped: Said;
  doubled: Said;
  edited: [value: string | (() => Promise<string>), said: Said][];
}
interface Row {
  fields: Record<string, Field>;
  /** What a person fills in. */
  right?: (who: Owner) => Promise<Fields>;
  /** Without a session; a way to the sign-in otherwise. */
  nobody?: number;
  /** What is used up by a refusal: a challenge counts once. */
  uses?: string[];
}

const LANGUAGE: Field = {
  dropped: "own",
  doubled: "own",
  edited: [
    ["xx", "own"],
    ["https://evil.example", "own"],
  ],
};
const choice = (doubled: Said): Field => ({
  dropped: 422,
  doubled,
  edited: [
    ["lnk_x", 422],
    ["https://evil.example", 422],
  ],
});

// oxfmt-ignore
const FORMS: Record<string, Row> = {
  "/sign-out":                          { fields: { lang: LANGUAGE }, nobody: 303 },
  "/me/account/passkeys/:psk/name":     { fields: { name: { dropped: 422, doubled: "own", edited: [["", 422], ["x".repeat(61), 422], ["\u0000\u200b", 422]] } } },
  "/me/account/passkeys/:psk/remove":   { fields: {} },
  "/passkeys/add":                      { fields: {
      response: { dropped: 400, doubled: 400, edited: [["", 400], ["{}", 400], ["[]", 400], [() => world.attestation(other.visit), 401]] },
      name:     { dropped: "own", doubled: 400, edited: [["x".repeat(61), 400]] },
      lang:     { dropped: "own", doubled: 400, edited: [["xx", "own"]] },
    }, right: async ({ visit: own }) => [["response", await world.attestation(own)]], nobody: 401, uses: ["oauth_records"] },
  "/me/account/codes":                  { fields: { next: { dropped: "own", doubled: "own", edited: [["https://evil.example", "own"], ["//evil.example", "own"], ["javascript:evil", "own"]] } } },
  "/me/account/sessions/:ses/end":      { fields: {} },
  "/me/account/sessions/end":           { fields: {} },
  "/me/account/links/:lnk/remove":      { fields: {} },
  "/me/account/delete":                 { fields: { sure: { dropped: 422, doubled: "own", edited: [["on", 422], ["no", 422], ["YES", 422]] } } },
  "/me/mail":                           { fields: { address: { dropped: 422, doubled: "own", edited: [["", 422], ["a@b", 422], ["a@b.example\r\nBcc: c@d.example", 422]] } },
                                          right: async ({ personId }) => [["address", `${personId}@example.org`]] },
  "/me/mail/test":                      { fields: {} },
  "/me/mail/reminders":                 { fields: { want: { dropped: 400, doubled: 400, edited: [["maybe", 400], ["YES", 400]] } } },
  "/me/mail/remove":                    { fields: {} },
  "/me/contracts/shared/:cst":          { fields: { answer: { dropped: 400, doubled: 400, edited: [["yes", 400], ["", 400]] } } },
  "/me/contracts/:lnk/stop":            { fields: {} },
  "/me/propose":                        { fields: { source: choice("own"), destination: choice("own") } },
};

test("each form that the pages show has its row, with each of its fields; each address that takes one is on a page", () => {
  const names = (fields: Fields) => [...new Set(fields.map(([name]) => name))].toSorted();
  const shown = Object.fromEntries(theirs.map(({ shape, fields }) => [shape, names(fields)]));
  const rows = Object.fromEntries(Object.entries(FORMS).map(([shape, { fields }]) => [shape, Object.keys(fields).toSorted()]));
  assert.deepEqual(shown, rows);
  const routes = PERSON_ROUTES.filter(([method, path]) => method === "post" && STARTS.some((start) => `${path}/`.startsWith(`${start}/`)));
  const known = new Set(Object.keys(FORMS).map((shape) => shape.replaceAll(/:\w+/g, ":")));
  assert.deepEqual(
    routes.map(([, path]) => path.replaceAll(/:\w+/g, ":")).filter((path) => !known.has(path)),
    [],
  );
});

/** Refused in a sentence that a person can read, and everything is as it was. */
async function refused(what: string, act: () => Promise<Page>, expected: number, uses: string[] = []): Promise<void> {
  const before = await world.tables();
  const page = await act();
  assert.equal(page.status, expected, `${what}: ${page.document.querySelector("main")?.text.replaceAll(/\s+/g, " ").slice(0, 200)}`);
  if (expected === 303) assert.match(page.location, /\/(en|fr)\/(sign-in|$)/, what);
  else assert.match(page.document.querySelector("main")?.text ?? "", /\w+ \w+ \w+/, `${what}: says why`);
  showsNothing(what, page);
  const now = await world.tables();
  for (const table of uses) now[table] = before[table];
  assert.deepEqual(now, before, `${what}: nothing has changed`);
}

/** Taken, with an effect on the sender's alone, and led to a page of ours. */
async function own(what: string, act: () => Promise<Page>): Promise<void> {
  const before = await world.holdings(other.personId);
  const page = await act();
  assert.ok(page.status === 200 || page.status === 303, `${what}: ${page.status} ${page.html.slice(0, 2000)}`);
  if (page.status === 303) assert.match(page.location, /^\/(en|fr)\//, what);
  assert.ok(!page.html.includes("evil"), what);
  showsNothing(what, page);
  assert.equal(await world.holdings(other.personId), before, `${what}: the other person's is as it was`);
}

/** Ids that the sender wrote themselves may come back; nothing else of the other person's may. */
function showsNothing(what: string, { html, location }: Page): void {
  for (const secret of other.secrets) assert.ok(!`${html} ${location}`.includes(secret), `${what}: shows ${secret}`);
}

for (const [shape, row] of Object.entries(FORMS))
  test(`${shape}: nothing but what is right, and one's own`, async () => {
    const me = await world.owner(`Camille-${Object.keys(FORMS).indexOf(shape)}`);
    const mine = (await formsFor(me)).find((form) => form.shape === shape);
    const another = theirs.find((form) => form.shape === shape);
    assert.ok(mine && another);
    const filled = async () =>
      ((await row.right?.(me)) ?? []).reduce((all, [name, value]) => changed(all, name, [value]), once(mine.fields));
    const send = (path: string, form: Fields, cookie: string | undefined = me.cookie) => visit(path, { cookie, form });
    for (const from of ELSEWHERE)
      await refused(
        `from ${JSON.stringify(from)}`,
        async () => visit(mine.action, { cookie: me.cookie, form: await filled(), from }),
        403,
        row.uses,
      );
    await refused("by nobody", async () => visit(mine.action, { form: await filled() }), row.nobody ?? 303, row.uses);
    await refused(
      "by nobody who says otherwise",
      async () => send(mine.action, await filled(), me.cookie.replace(/.$/, "")),
      row.nobody ?? 303,
      row.uses,
    );
    for (const { what, path } of addressTries(mine, another)) await refused(what, async () => send(path, await filled()), 404);
    for (const [name, field] of Object.entries(row.fields)) await tryField({ name, field, row, filled, mine, another, me });
    await own("as it is", async () => send((await stillThere(me, mine)).action, await filled(), me.cookie));
  });

interface Tried {
  name: string;
  field: Field;
  row: Row;
  filled: () => Promise<Fields>;
  mine: FoundForm;
  another: FoundForm;
  me: Owner;
}

async function tryField({ name, field, row, filled, mine, another, me }: Tried): Promise<void> {
  const swapped = another.fields.find(([one]) => one === name)?.[1] ?? "";
  const value = async () => (await filled()).find(([one]) => one === name)?.[1] ?? "";
  const isId = swapped.startsWith("lnk_");
  const tries: [what: string, said: Said, change: (form: Fields) => Promise<Fields>][] = [
    [`${name} dropped`, field.dropped, async (form) => dropped(form, name)],
    ...field.edited.map(([text, said]): (typeof tries)[number] => [
      `${name} as ${typeof text === "string" ? JSON.stringify(text) : "the other person’s answer"}`,
      said,
      async (form) => changed(form, name, [typeof text === "string" ? text : await text()]),
    ]),
    ...(isId
      ? [[`${name} of the other person`, 422, async (form: Fields) => changed(form, name, [swapped])] as (typeof tries)[number]]
      : []),
    [`${name} doubled`, field.doubled, async (form) => changed(form, name, [await value(), isId ? swapped : "evil"])],
  ];
  for (const [what, said, change] of tries) {
    const sender = said === "own" && shapeEnds(mine) ? await world.owner(`Fresh-${what}`) : me;
    const act = async () => {
      const form = sender === me ? mine : await stillThere(sender, mine);
      return visit(form.action, { cookie: sender.cookie, form: await change(await filled()) });
    };
    if (said === "own") await own(what, act);
    else await refused(what, act, said, row.uses);
  }
}

/** What ends the session or the account that sends it. */
function shapeEnds({ shape }: FoundForm): boolean {
  return shape === "/sign-out" || shape === "/me/account/delete";
}

async function stillThere(who: Owner, { shape }: FoundForm): Promise<FoundForm> {
  const found = (await formsFor(who)).find((form) => form.shape === shape);
  assert.ok(found, shape);
  return found;
}

test("pages with an id in their address are their owner's alone; what is taken along has nothing of anybody else", async () => {
  const me = await world.owner("Camille");
  const [mine, others] = [
    await crawl(visit, { cookie: me.cookie, starts: STARTS }),
    await crawl(visit, { cookie: other.cookie, starts: STARTS }),
  ];
  const withIds = [...others.keys()].filter((path) => /_[0-9A-Za-z]{22}/.test(path));
  assert.deepEqual(
    new Set(withIds.map(shapeOf)),
    new Set(["/me/account/links/:lnk/remove", "/me/contracts/shared/:cst", "/me/contracts/:lnk/stop"]),
  );
  for (const path of withIds) await refused(path, () => visit(path, { cookie: me.cookie }), 404);
  for (const [path, page] of mine) showsNothing(path, page);
  assert.ok(mine.get("/en/me/account/export")?.html.includes("meter-Camille"));
});

test("whatever was tried, nothing of anybody is in the log", () => {
  const text = world.lines.join("");
  assert.match(text, /request refused/);
  for (const secret of [
    ...other.secrets,
    other.personId,
    ...other.cookie.split("; ").map((pair) => pair.split("=")[1] ?? ""),
    "Camille",
    "Fresh-",
  ])
    assert.ok(!text.includes(secret), secret);
});
