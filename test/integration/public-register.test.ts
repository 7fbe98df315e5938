import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from "jose";
import { parse as parseHtml } from "node-html-parser";
import { suspend } from "../support/charter.ts";
import { entityOf, idOf, roleOf, standingOf } from "../support/country.ts";
import { startPublicRegister, type PublicRegister } from "../support/public-register.ts";

/** The public register as programs and people read it, over a small country of which everything is known. */
const COUNT = 430;
const owned = new AsyncDisposableStack();
let relais: PublicRegister;

before(async () => {
  relais = owned.use(await startPublicRegister({ count: COUNT, configured: 0 }));
});
after(() => owned.disposeAsync());

interface Listed {
  participants: { id: string; name: string; status: string }[];
  total: number | null;
  next: string | null;
}
const numbers = Array.from({ length: COUNT }, (_, place) => place + 1);
const levelOf = (n: number) => (standingOf(n) === "registered" ? 0 : standingOf(n) === "accredited" ? 1 + (n % 2) : null);
const countryOf = (n: number) => ["FR", "DE", "IE", "BE", "US"][n % 5];

async function list(query: string): Promise<{ status: number; body: Listed }> {
  const answer = await fetch(`${relais.origin}/v1/participants?${query}`);
  return { status: answer.status, body: (await answer.json()) as Listed };
}
async function everybody(query: string): Promise<number[]> {
  const found: number[] = [];
  for (let cursor = ""; ;) {
    const { body } = await list(`${query}&limit=37${cursor}`);
    found.push(...body.participants.map(({ id }) => Number(id.slice(4))));
    if (body.next === null) return found.sort((a, b) => a - b);
    cursor = `&cursor=${body.next}`;
  }
}
const page = async (path: string) => {
  const answer = await fetch(`${relais.origin}${path}`, { headers: { accept: "text/html" } });
  const text = await answer.text();
  return { status: answer.status, text, document: parseHtml(text) };
};

const FILTERS: [query: string, isMeant: (n: number) => boolean][] = [
  ["", () => true],
  ["role=holder", (n) => roleOf(n) === "holder"],
  ["standing=accredited", (n) => standingOf(n) === "accredited"],
  ["standing=expired", (n) => standingOf(n) === "expired"],
  ["standing=suspended", (n) => standingOf(n) === "suspended"],
  ["standing=revoked", (n) => standingOf(n) === "revoked"],
  ["standing=registered", (n) => standingOf(n) === "registered"],
  ["level=0", (n) => levelOf(n) === 0],
  ["level=1", (n) => levelOf(n) === 1],
  ["level=2", (n) => levelOf(n) === 2],
  ["country=IE", (n) => countryOf(n) === "IE"],
  ["kind=trace", (n) => roleOf(n) === "holder"],
  ["kind=derived", () => false],
  ["dataset=energy.bills.s3", (n) => roleOf(n) === "holder" && n % 50 === 3],
  ["name=eloise", (n) => n % 7 === 2],
  ["name=%C3%89LO%C3%8FSE", (n) => n % 7 === 2],
  ["name=%25", () => false],
  ["entity_id=https://p17.example", (n) => n === 17],
  [
    "role=holder&standing=accredited&level=2&country=FR&name=nuage",
    (n) => n % 7 === 4 && n % 5 === 0 && levelOf(n) === 2 && roleOf(n) === "holder",
  ],
];

for (const [query, isMeant] of FILTERS)
  test(`list: ${query || "no filter"}, by cursor, is exactly who is meant, and the total says how many`, async () => {
    const meant = numbers.filter(isMeant);
    assert.deepEqual(await everybody(query), meant);
    const { body } = await list(query);
    assert.equal(body.total, meant.length);
  });

test("the standing in the list is the one of now", async () => {
  const { body } = await list("entity_id=https://p13.example");
  assert.equal(body.participants[0]?.status, "expired", "its mark ran out, and nobody has written it down yet");
});

const WRONG: [query: string, pointer: string][] = [
  ["role=bank", "/role"],
  ["level=3", "/level"],
  ["standing=good", "/standing"],
  ["country=france", "/country"],
  ["dataset=Energy%20Bills", "/dataset"],
  ["kind=everything", "/kind"],
  ["name=", "/name"],
  ["name=a%00b", "/name"],
  ["limit=201", "/limit"],
  ["cursor=bm9uc2Vuc2U", "/cursor"],
  [`cursor=${Buffer.from(JSON.stringify(["a\0", idOf("prt", 1)])).toString("base64url")}`, "/cursor"],
  ["role=holder&role=platform", "/role"],
];
for (const [query, pointer] of WRONG)
  test(`list: ${query} is refused, and the answer says what is wrong`, async () => {
    const { status, body } = await list(query);
    const { code, pointers } = body as unknown as { code: string; pointers: string[] };
    assert.deepEqual([status, code, pointers], [400, "invalid", [pointer]]);
  });

test("list: a filter that there is not is refused, and the next page keeps the filters", async () => {
  assert.equal((await list("colour=blue")).status, 400);
  const answer = await fetch(`${relais.origin}/v1/participants?role=holder&limit=2`);
  const link = /^<(.*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1] ?? "";
  const query = new URL(link, relais.origin).searchParams;
  assert.deepEqual([query.get("role"), query.get("limit"), query.has("cursor")], ["holder", "2", true]);
});

test("page: filters stand in the address, are kept over pages and by the links of roles, and the form shows them", async () => {
  const { status, document } = await page("/en/register?country=FR&standing=accredited");
  const next = document.querySelector("a[rel=next]")?.getAttribute("href") ?? "";
  const role = document.querySelectorAll(".rl-filters a").map((one) => one.getAttribute("href"))[1];
  assert.equal(status, 200);
  assert.match(document.querySelector("[role=status]")?.text ?? "", /^\d+ participants/);
  assert.deepEqual(
    [
      document.querySelector("#country option[selected]")?.getAttribute("value"),
      document.querySelector("#standing option[selected]")?.getAttribute("value"),
    ],
    ["FR", "accredited"],
  );
  assert.match(next, /country=FR/);
  assert.match(role ?? "", /country=FR.*role=holder|role=holder.*country=FR/);
  const second = await page(next.replaceAll("&amp;", "&"));
  const names = (html: typeof document) => html.querySelectorAll("tbody th a").map((one) => one.getAttribute("href"));
  assert.equal(names(document).length, 50);
  assert.ok(names(second.document).length > 0);
  assert.equal(new Set([...names(document), ...names(second.document)]).size, names(document).length + names(second.document).length);
  assert.equal(second.document.querySelector("#country option[selected]")?.getAttribute("value"), "FR");
});

test("page: what is no filter is said at its field, in the language of the page", async () => {
  const { status, document } = await page("/fr/register?dataset=Mes%20factures&level=9");
  assert.equal(status, 400);
  assert.deepEqual(
    document.querySelectorAll(".govuk-error-summary a").map((one) => one.getAttribute("href")),
    ["#level", "#dataset"],
  );
  assert.match(document.querySelector("#dataset-error")?.text ?? "", /en minuscules/);
  assert.equal((await page("/fr/register?cursor=nonsense")).status, 400);
});

test("page: nobody found, and hostile words are text", async () => {
  const { status, document, text } = await page(`/en/register?name=${encodeURIComponent('<script>"x')}`);
  assert.equal(status, 200);
  assert.match(text, /No participant matches/);
  assert.equal(document.querySelectorAll("script").length, 0);
});

test("table: by its address and by negotiation, with the same filters, as RFC 4180 says", async () => {
  const hostile = ['=HYPERLINK("https://evil.example","x")', "+1", "-1", "@sum", " \t=1", "＝1", 'says "so", twice', "two\r\nlines"];
  for (const [place, name] of hostile.entries())
    await relais.pool.query("update participants set name = $1 where id = $2", [name, idOf("prt", 20 + place)]);
  const table = await (await fetch(`${relais.origin}/v1/participants.csv?country=DE`)).text();
  const negotiated = await fetch(`${relais.origin}/v1/participants?country=DE`, { headers: { accept: "text/csv" } });
  assert.deepEqual([await negotiated.text(), negotiated.headers.get("content-type")], [table, "text/csv; charset=utf-8; header=present"]);
  assert.match(table, /^id,entity_id,name,roles,status,level,accredited_since,accredited_until,country,adapter,datasets\r\n/);
  const all = await (await fetch(`${relais.origin}/v1/participants.csv`)).text();
  const rows = recordsOf(all);
  assert.equal(rows.length, COUNT + 1);
  assert.ok(rows.every((row) => row.length === 11));
  const names = new Map(rows.map(([id, , name]) => [id, name]));
  assert.deepEqual(
    hostile.map((_, place) => names.get(idOf("prt", 20 + place))),
    [`'=HYPERLINK("https://evil.example","x")`, "'+1", "'-1", "'@sum", "'  =1", "'＝1", 'says "so", twice', "two  lines"],
  );
  for (const [place] of hostile.entries())
    await relais.pool.query("update participants set name = $1 where id = $2", [`Nuage ${20 + place}`, idOf("prt", 20 + place)]);
});

/** A reader of RFC 4180 of its own. */
function recordsOf(text: string): string[][] {
  const cells = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of cells) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

test("table: a mistake is an answer of its own, whoever hangs up is no failure, and HEAD has no body", async () => {
  assert.equal((await fetch(`${relais.origin}/v1/participants.csv?role=bank`)).status, 400);
  assert.equal((await fetch(`${relais.origin}/v1/participants.csv?limit=3`)).status, 400, "the table is whole");
  const stopping = new AbortController();
  const broken = await fetch(`${relais.origin}/v1/participants.csv`, { signal: stopping.signal });
  stopping.abort();
  await assert.rejects(broken.text());
  const head = await fetch(`${relais.origin}/v1/participants.csv`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

for (const lang of ["fr", "en"])
  test(`feed in ${lang}: Atom that a validator takes, with an ETag, linked from the register`, async () => {
    await relais.pool.query("update participants set name = $1 where id = $2", ['A <b> & \u0001\uffff"c"', idOf("prt", COUNT - 1)]);
    const answer = await fetch(`${relais.origin}/${lang}/register.atom`);
    const text = await answer.text();
    assert.equal(answer.headers.get("content-type"), "application/atom+xml; charset=utf-8");
    const dir = await mkdtemp(join(tmpdir(), "relais-feed-"));
    await writeFile(join(dir, "feed.xml"), text);
    const { feed } = await xmlOf(join(dir, "feed.xml"));
    await rm(dir, { recursive: true });
    assert.deepEqual(feed.flaws, []);
    assert.equal(feed.entries, 100);
    assert.equal(feed.updated, feed.newest);
    assert.match(text, /A &lt;b&gt; &amp; &quot;c&quot;/);
    const etag = answer.headers.get("etag") ?? "";
    const again = await fetch(`${relais.origin}/${lang}/register.atom`, { headers: { "if-none-match": etag } });
    assert.equal(again.status, 304);
    const { document } = await page(`/${lang}/register`);
    assert.equal(
      document.querySelector('link[rel=alternate][type="application/atom+xml"]')?.getAttribute("href"),
      `/${lang}/register.atom`,
    );
    const alternate = /<id>(http[^<]*\/decisions\/[^<]*)<\/id>/.exec(text)?.[1] ?? "";
    assert.equal((await fetch(alternate, { headers: { accept: "text/html" } })).status, 200, "an entry's id is the address of its page");
  });

/** By the parser of Python, which is nobody's of ours, the rules of RFC 4287 §4.1 that a feed breaks. */
async function xmlOf(file: string): Promise<{ feed: { flaws: string[]; entries: number; updated: string; newest: string } }> {
  const { stdout } = await promisify(execFile)("python3", ["-c", ATOM_RULES, file]);
  return { feed: JSON.parse(stdout) };
}
const ATOM_RULES = `
import json, re, sys, xml.etree.ElementTree as tree
A = "{http://www.w3.org/2005/Atom}"
feed = tree.parse(sys.argv[1]).getroot()
flaws, entries = [], feed.findall(A + "entry")
def once(node, name):
    if len(node.findall(A + name)) != 1: flaws.append(f"{node.tag} has not one {name}")
date = re.compile(r"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$")
for node in [feed] + entries:
    for name in ["id", "title", "updated"]: once(node, name)
    if not date.match(node.find(A + "updated").text): flaws.append("updated is no date")
    if node.find(A + "author/" + A + "name") is None: flaws.append("no author")
    seen = set()
    for link in node.findall(A + "link"):
        key = (link.get("rel"), link.get("type"), link.get("hreflang"))
        if link.get("rel") == "alternate" and key in seen: flaws.append(f"two {key}")
        seen.add(key)
        if not link.get("href"): flaws.append("a link without an address")
if feed.tag != A + "feed" or feed.find(A + "link[@rel='self']") is None: flaws.append("no self")
ids = [entry.find(A + "id").text for entry in entries]
if len(set(ids)) != len(ids): flaws.append("ids twice")
times = [entry.find(A + "updated").text for entry in entries]
if times != sorted(times, reverse=True): flaws.append("not newest first")
print(json.dumps({"flaws": flaws, "entries": len(entries), "updated": feed.find(A + "updated").text, "newest": max(times)}))
`;

interface TrustList {
  iss: string;
  iat: number;
  exp: number;
  next_update: number;
  entities: { sub: string; name: string; roles: string[]; level: number; exp: number; charter_version: string; jti: string }[];
}
/** As it is once the tables are looked at again. */
const trustList = async (headers: Record<string, string> = {}) => {
  relais.later(1000);
  return fetch(`${relais.origin}/v1/trust-list`, { headers });
};

test("trust list: everybody who is accredited now, signed by the key of the federation's configuration", async () => {
  const answer = await trustList();
  const jwt = await answer.text();
  assert.equal(answer.headers.get("content-type"), "application/self-data-trust-list+jwt");
  assert.equal(decodeProtectedHeader(jwt).typ, "self-data-trust-list+jwt");
  const list = decodeJwt(jwt) as unknown as TrustList;
  const trusted = numbers.filter((n) => standingOf(n) === "accredited");
  assert.deepEqual(list.entities.map(({ sub }) => sub).sort(), trusted.map(entityOf).sort());
  const seven = list.entities.find(({ sub }) => sub === entityOf(7));
  const mark = await relais.store.read((r) => r.participants.findMark(idOf("prt", 7) as `prt_${string}`));
  assert.deepEqual(seven, {
    sub: entityOf(7),
    name: "Énergie du Nord 7",
    roles: ["holder"],
    level: mark?.level,
    exp: Math.floor((mark?.expiresAt.getTime() ?? 0) / 1000),
    charter_version: "2026-11",
    jti: mark?.id,
  });
  assert.equal(list.iss, relais.origin);
  assert.ok(list.exp - list.iat === 86_400 && list.next_update > list.iat && list.next_update - list.iat <= 3600);
  const configuration = await (await fetch(`${relais.origin}/.well-known/openid-federation`)).text();
  const { jwks } = decodeJwt(configuration) as { jwks: { keys: Record<string, string>[] } };
  const key = jwks.keys.find(({ kid }) => kid === decodeProtectedHeader(jwt).kid);
  await compactVerify(jwt, await importJWK(key ?? {}, "ES256"));
});

test("trust list: written once for each change, 304 in between, and a suspension is out of it within a second", async () => {
  const first = await trustList();
  const [etag, jwt] = [first.headers.get("etag") ?? "", await first.text()];
  const signed = relais.signed.count;
  assert.equal(await (await trustList()).text(), jwt);
  assert.deepEqual([(await trustList({ "if-none-match": etag })).status, relais.signed.count], [304, signed]);
  assert.equal((await trustList({ "if-none-match": `"other", ${etag.replace("W/", "")}` })).status, 304);
  await relais.pool.query("update participants set name = 'Another name' where id = $1", [idOf("prt", 14)]);
  assert.match(JSON.stringify(decodeJwt(await (await trustList()).text())), /Another name/);
  await suspend(relais.store, idOf("prt", 15) as `prt_${string}`);
  const after = await trustList({ "if-none-match": etag });
  assert.equal(after.status, 200);
  const { entities } = decodeJwt(await after.text()) as unknown as TrustList;
  assert.ok(!entities.some(({ sub }) => sub === entityOf(15)));
  await relais.pool.query("update trust_marks set expires_at = expires_at - interval '1 day' where participant_id = $1", [idOf("prt", 14)]);
  assert.equal((await trustList({ "if-none-match": String(after.headers.get("etag")) })).status, 200, "a mark that ends sooner");
  assert.equal(relais.signed.count, signed + 3, "one for each change, however often it was asked for");
});

test("trust list: twenty readers of a new list make one; a new key and a new hour make another", async () => {
  await relais.pool.query("update participants set name = 'A third name' where id = $1", [idOf("prt", 14)]);
  const signed = relais.signed.count;
  relais.later(1000);
  await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${relais.origin}/v1/trust-list`)).text()));
  assert.equal(relais.signed.count, signed + 1);
  await relais.keys.rotate("federation");
  const kid = decodeProtectedHeader(await (await trustList()).text()).kid;
  assert.equal(kid, relais.keys.current("federation").kid);
  relais.later(3_600_000);
  await (await trustList()).text();
  assert.equal(relais.signed.count, signed + 3);
});

/** The lines of docs/register.md from this comment to the next one, or to the end of the block. */
async function documented(begin: string): Promise<string> {
  const text = await readFile(new URL("../../docs/register.md", import.meta.url), "utf8");
  const [lines = ""] = text.slice(text.indexOf(begin)).split(/\n\n# |\n```/);
  return lines.replaceAll("https://relais.example", relais.origin);
}

test("trust list: openssl checks it with nothing but the key, by the lines of docs/register.md", async () => {
  const dir = await mkdtemp(join(tmpdir(), "relais-list-"));
  const jwt = await (await trustList({ "accept-encoding": "identity" })).text();
  const key = relais.keys.current("federation").publicJwk;
  await writeFile(join(dir, "key.pem"), createPublicKey({ key: key, format: "jwk" }).export({ type: "spki", format: "pem" }));
  const lines = await documented("# With openssl alone");
  const check = async (list: string) => {
    await writeFile(join(dir, "list.jws"), `${list}\n`);
    return promisify(execFile)("bash", ["-e", "-c", lines], { cwd: dir }).then(({ stdout }) => stdout);
  };
  assert.match(await check(jwt), /Verified OK[^]*"entities":\[\{"sub"/);
  const [header, payload = "", signature] = jwt.split(".");
  await assert.rejects(check([header, `${payload.slice(0, -2)}AA`, signature].join(".")), ({ stdout }: { stdout: string }) =>
    /Verification failure/.test(stdout),
  );
  await rm(dir, { recursive: true });
});

test("trust list: jose checks it, by the lines of docs/register.md", async () => {
  const lines = (await documented("# With jose alone")).replace(/^node /m, `${process.execPath} `);
  const { stdout } = await promisify(execFile)("bash", ["-e", "-c", lines], { cwd: fileURLToPath(new URL("../..", import.meta.url)) });
  assert.match(stdout, /^\d+ accredited\n$/);
});
