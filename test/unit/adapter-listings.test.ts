import assert from "node:assert/strict";
import { test } from "node:test";
import { readContains } from "../../adapters/solid/turtle.ts";
import { readResourceName, resourceName } from "../../adapters/solid/resource-name.ts";
import { readMultistatus } from "../../adapters/webdav/multistatus.ts";
import { placeOf, sourceSlug } from "../../src/core/transfer/folder-layout.ts";
import { walkFolders, type FolderEntry } from "../../src/core/transfer/folder-walk.ts";
import { flawOfItemKey, printableKey } from "../../src/core/transfer/item-key.ts";
import { pageOfShelf, shelve } from "../../src/core/transfer/shelf.ts";

const BASE = "https://pod.example/relais/";
const TURTLES: [what: string, turtle: string, members: string[]][] = [
  ["prefix and relative", "@prefix ldp: <http://www.w3.org/ns/ldp#>.\n<> a ldp:Container; ldp:contains <a>, <b/> .", ["a", "b/"]],
  ["SPARQL style, other prefix", "PREFIX l: <http://www.w3.org/ns/ldp#>\n<> l:contains <a> ; l:contains <c>.", ["a", "c"]],
  [
    "prefixed members",
    "@prefix ldp: <http://www.w3.org/ns/ldp#>. @prefix : <#>. @prefix r: <https://pod.example/relais/>.\n<> ldp:contains r:a.txt, r:b.",
    ["a.txt", "b"],
  ],
  [
    "full names, comment",
    "# ldp:contains <no>\n<https://pod.example/relais/> <http://www.w3.org/ns/ldp#contains> <https://pod.example/relais/a> .",
    ["a"],
  ],
  [
    "text that looks like a member",
    '@prefix ldp: <http://www.w3.org/ns/ldp#>. <> <x:t> "ldp:contains <evil>", """ ldp:contains <worse> """ ; ldp:contains <a> .',
    ["a"],
  ],
  ["no member", "@prefix ldp: <http://www.w3.org/ns/ldp#>. <> a ldp:Container.", []],
  ["escapes", "<> <http://www.w3.org/ns/ldp#contains> <caf\\u00E9> .", ["caf%C3%A9"]],
  ["undeclared prefix", "<> ldp:contains <a> .", []],
];
for (const [what, turtle, members] of TURTLES) {
  test(`Turtle: ${what}`, () =>
    assert.deepEqual(
      readContains(turtle, BASE),
      members.map((member) => BASE + member),
    ));
}

test("Turtle: an unfinished text of 1 MiB is read in linear time", () => {
  const started = performance.now();
  readContains(`<> <x:t> """${'\\"a'.repeat(350_000)}`, BASE);
  readContains(`<> <x:t> ${'"""'.repeat(30_000)}x`, BASE);
  assert.ok(performance.now() - started < 30_000);
});

const apache = `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:"><D:response xmlns:lp1="DAV:"><D:href>/dav/a%20b/</D:href><D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><lp1:getcontentlength/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response></D:multistatus>`;

test("multistatus: prefixes, missing properties, collections", () => {
  const [found] = readMultistatus(apache);
  assert.equal(found?.href, "/dav/a%20b/");
  assert.equal(found?.isCollection, true);
  assert.equal(found?.properties.has("getcontentlength"), false);
});

test("multistatus: default namespace, entities, CDATA, attributes with marks", () => {
  const xml = `\ufeff<multistatus xmlns="DAV:"><!-- <response> --><response x='a>b' y="c/"><href>/a&amp;b&#x27;<![CDATA[<c>]]></href><propstat><prop><resourcetype/><getcontentlength>5</getcontentlength></prop><status>HTTP/2 200</status></propstat></response></multistatus>`;
  const [found] = readMultistatus(xml);
  assert.equal(found?.href, "/a&b'<c>");
  assert.equal(found?.isCollection, false);
  assert.equal(found?.properties.get("getcontentlength"), "5");
});

const HOSTILE: [what: string, xml: string][] = [
  ["a document type with entities", `<!DOCTYPE x [<!ENTITY a "aaaa">]><multistatus/>`],
  ["an element that is not closed", "<multistatus><response>"],
  ["elements that cross", "<a><b></a></b>"],
  ["elements a thousand deep", "<a>".repeat(1000) + "</a>".repeat(1000)],
  ["HTML", "<html><br><p>Sign in</html>"],
];
for (const [what, xml] of HOSTILE) {
  test(`multistatus: ${what} is refused`, () => assert.throws(() => readMultistatus(xml), { code: "peer_protocol" }));
}

test("multistatus: 1 MiB of open marks is refused in linear time", () => {
  const started = performance.now();
  for (const mark of ["<", "<a ", "<!--", "<![CDATA[", '<a "']) assert.throws(() => readMultistatus(`<multistatus>${mark.repeat(20_000)}`));
  assert.ok(performance.now() - started < 30_000);
});

const NAMES = ["plain", "50% =41.txt", 'a?b*c|d<e>f:g"h$', "=", "==3D", "été"];
for (const name of NAMES) test(`a pod keeps ${name}`, () => assert.equal(readResourceName(resourceName(name)), name));
test("a name that others chose stays as it is", () => assert.equal(readResourceName("a=41b.txt"), "a=41b.txt"));

const PLACES: [path: string, dataset: string | null, key: string][] = [
  ["relais/holder-1/energy.bills/2024/1.pdf", "energy.bills", "2024/1.pdf"],
  ["relais/holder-1/_types/energy.bills.json", null, ""],
  ["relais/_incoming/trf_1/abc", null, ""],
  ["relais/holder-1/My Folder/x", "files", "relais/holder-1/My Folder/x"],
  ["relais/note.txt", "files", "relais/note.txt"],
  ["Photos/1.jpg", "files", "Photos/1.jpg"],
];
for (const [path, dataset, key] of PLACES) {
  test(`${path} is ${dataset ?? "Relais' own"}`, () => {
    const place = placeOf(path.split("/"));
    assert.equal(place?.dataset ?? null, dataset);
    if (place) assert.equal(place.key, key);
  });
}

test("two sources never share a folder", () => {
  const slugs = ["https://a.example", "https://a-example", "https://a.example/", "https://A.example"].map(sourceSlug);
  assert.equal(new Set(slugs).size, slugs.length);
  assert.ok(slugs.every((slug) => placeOf(["relais", slug, "energy", "k"])?.dataset === "energy"));
});

const file = (slug: string, key: string) => ({ slug, dataset: "energy", key, url: `https://x/${slug}/${key}`, bytes: 1, mediaType: null });

test("the same key from two sources gives two items", () => {
  const page = pageOfShelf(shelve([file("b", "1"), file("a", "1"), file("b", "2")]), "energy", null);
  assert.deepEqual(
    page.items.map((item) => [item.key, (item as { url?: string }).url]),
    [
      ["1", "https://x/a/1"],
      ["2", "https://x/b/2"],
      ["b/1", "https://x/b/1"],
    ],
  );
});

test("a name that cannot be a key is told, once, and can be shown", () => {
  const shelf = shelve([file("a", "ok"), file("a", "evil\u202etxt.exe"), file("a", "evil\u202dtxt.exe"), file("a", "n".repeat(300))]);
  const { items, omissions } = pageOfShelf(shelf, "energy", null);
  assert.deepEqual(
    items.map(({ key }) => key),
    ["ok"],
  );
  assert.equal(new Set(omissions.map(({ key }) => key)).size, 3);
  assert.ok(omissions.every(({ key, reason }) => reason === "unsafe_name" && flawOfItemKey(key) === null && Buffer.byteLength(key) <= 200));
});

test("a page follows the last key, whatever came or went", () => {
  const files = Array.from({ length: 2050 }, (_, index) => file("a", String(10_000 + index)));
  const first = pageOfShelf(shelve(files), "energy", null);
  const second = pageOfShelf(shelve(files.slice(5)), "energy", first.next);
  const third = pageOfShelf(shelve(files), "energy", second.next);
  assert.deepEqual([first.items.length, second.items.length, third.items.length, third.next], [1000, 1000, 50, null]);
});

test("printable keys are cut between characters", () => {
  assert.equal(printableKey("fine/key"), "fine/key");
  assert.ok(printableKey("🏠".repeat(100)).isWellFormed());
  assert.equal(flawOfItemKey(printableKey("")), null);
});

test("folders that lead back to themselves end, and are told", async () => {
  let asked = 0;
  const loop = async (url: string): Promise<FolderEntry[]> => {
    asked++;
    return [
      { name: "again", url: `${url}again/`, isFolder: true, bytes: null, mediaType: null },
      { name: "self", url: "https://x/", isFolder: true, bytes: null, mediaType: null },
    ];
  };
  const found = await walkFolders("https://x/", loop);
  assert.equal(asked, 21);
  assert.deepEqual(
    found.map(({ key }) => key.endsWith("again/")),
    [true],
  );
});
