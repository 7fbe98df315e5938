import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { ADAPTERS } from "../../adapters/index.ts";
import { verify } from "../../src/cli/verify.ts";
import { amendConsent } from "../../src/core/consent/amend-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { Mandate } from "../../src/core/consent/acts.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { jsonToCsv } from "../../src/core/conversion/json-to-csv.ts";
import { newId, type LinkId, type TransferId } from "../../src/core/ids.ts";
import type { Credentials } from "../../src/core/transfer/adapter.ts";
import { placeOf } from "../../src/core/transfer/folder-layout.ts";
import { payloadOf, sha256, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { itemsOf } from "../../src/sandbox/personas/holdings.ts";
import { convertAgain } from "../../src/sdk/conversions.ts";
import { inDays, startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, type FakeAccount } from "../support/fake-participants.ts";
import { journalLibrary, type JournalLibrary } from "../support/journal-library.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";
import { startSandboxWorld, type Resident, type SandboxWorld } from "../support/sandbox-world.ts";
import { startSolidServer } from "../support/solid-server.ts";
import { startRclone, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";

/** Original and common form side by side (Regulation (EU) 2022/868, art. 12(d)): only if the person wants it, and the original as it is. */

const SEED = "copies";
const CSV = "text/csv; charset=utf-8; header=present";
const [CONTRACT, HOME, DAILY, BILLS] = ["energy.contract", "energy.home", "energy.consumption.daily", "energy.bills"] as const;

interface Delivered {
  id: TransferId;
  manifest: Manifest;
  receipt: Receipt;
  jws: Record<"manifest" | "receipt", string>;
  events: Map<string, Record<string, unknown>>;
}

async function read(world: Pick<SandboxWorld, "store">, id: TransferId): Promise<Delivered> {
  const { documents, events } = await world.store.read(async (r) => ({
    documents: await r.transfers.documents(id),
    events: await r.transfers.events(id),
  }));
  const paper = (kind: string): string => documents.find((one) => one.kind === kind)?.jws ?? "";
  const jws = { manifest: paper("manifest"), receipt: paper("receipt") };
  const payloads = { manifest: payloadOf(jws.manifest) as Manifest, receipt: payloadOf(jws.receipt) as Receipt };
  return { id, jws, ...payloads, events: new Map(events.map(({ kind, details }) => [kind, details])) };
}

interface FilePlatform {
  adapter: "webdav" | "solid";
  url: string;
  account: string;
  credentials: Credentials;
}

interface Wish {
  datasets: string[];
  forms?: "csv"[];
  recurrence?: string | null;
  to?: LinkId;
}

async function allow(
  world: SandboxWorld,
  person: Resident,
  { datasets, forms = [], recurrence = null, to = person.to }: Wish,
): Promise<Consent> {
  const asked = await requestConsent(world.ports, {
    personId: person.personId,
    sourceLinkId: person.from,
    destinationLinkId: to,
    action: "copy",
    datasets,
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
  return grantConsent(world.ports, {
    consentId: asked.id,
    personId: person.personId,
    datasets,
    forms,
    noticeHash: asked.noticeHash,
    language: "fr",
  });
}

async function deliver(
  world: SandboxWorld,
  { id: consentId, personId }: Consent,
  state = "verified",
  more: { isFull?: boolean } = {},
): Promise<Delivered> {
  const { id } = await requestTransfer(world.ports, { consentId, personId, ...more });
  assert.deepEqual(await world.run(id), { kind: "ended", state });
  return read(world, id);
}

const copiesIn = ({ manifest }: Delivered) => manifest.items.filter((item) => item.made_from !== undefined);
const originalsIn = ({ manifest }: Delivered) => manifest.items.filter((item) => item.made_from === undefined);

describe("from the energy holder of the sandbox", () => {
  let world: SandboxWorld;
  let person: Resident;
  before(async () => {
    world = await startSandboxWorld(SEED);
    person = await world.resident("camille");
  });
  after(() => world?.[Symbol.asyncDispose]());

  /** What Ancre has on its disk, by key. */
  const heldAt = (dataset: string): Map<string, { text: string; mediaType: string }> =>
    new Map(
      world.ancre.shelves
        .all(person.space)
        .filter((item) => item.dataset === dataset)
        .map((item) => [item.key, { text: readFileSync(world.ancre.shelves.path(item), "utf8"), mediaType: item.mediaType }]),
    );

  test("without the choice nothing is different: the bytes of the source, and nothing beside them", async () => {
    const delivered = await deliver(world, await allow(world, person, { datasets: [CONTRACT, HOME] }));
    assert.deepEqual([delivered.manifest.items.length, copiesIn(delivered)], [2, []]);
    assert.equal(delivered.events.get("copies_made"), undefined);
    assert.ok(!JSON.stringify(delivered.manifest).includes("made_from"));
  });

  test("compact form: each original byte for byte, and its copy beside it, that anybody can make again", async () => {
    const consent = await allow(world, person, { datasets: [CONTRACT, HOME], forms: ["csv"] });
    world.requestsAt("ancre");
    const delivered = await deliver(world, consent);
    assert.deepEqual(world.requestsAt("ancre"), ["POST /inbox/transfers"], "still one request");
    const [home] = await itemsOf({ seed: SEED }, "energy", person.customer, HOME);
    const held = heldAt(HOME);
    assert.deepEqual([...held.keys()].sort(), ["home", "home.relais.csv"]);
    assert.equal(held.get("home")?.text, Buffer.from(home?.content ?? "").toString(), "the original as it is");
    assert.deepEqual(held.get("home.relais.csv"), {
      text: Buffer.from(jsonToCsv(home?.content as Uint8Array) as Uint8Array).toString(),
      mediaType: CSV,
    });
    const copy = delivered.manifest.items.find(({ key }) => key === "home.relais.csv");
    assert.deepEqual(copy?.made_from, { key: "home", "sha-256": sha256(home?.content as Uint8Array), by: "json-to-csv/1" });
    assert.deepEqual(Buffer.from(convertAgain(copy, home?.content as Uint8Array)).toString(), held.get("home.relais.csv")?.text);
    assert.deepEqual(delivered.events.get("copies_made"), { copies: 2 });
    assert.deepEqual(delivered.events.get("delivered"), { items: 2, omissions: 0, copies: 2 });
    assert.deepEqual(delivered.events.get("verified"), { stored: 2, omitted: 0, missing: 0, copies: 2 });
    assert.equal(delivered.receipt.items.length, 4, "the platform's receipt has both");
    const progress = await world.store.read((r) => r.transfers.progress(delivered.id));
    assert.deepEqual(
      progress.map(({ dataset, expected, sent, stored, verified }) => [dataset, expected, sent, stored, verified]),
      [
        [CONTRACT, 1, 1, 1, 1],
        [HOME, 1, 1, 1, 1],
      ],
      "copies are beside what is counted",
    );
    await isVerifiedOffline(delivered, heldAt);
  });

  test("long form: what has no common form comes alone, in full, and it is said how many and why", async () => {
    const consent = await allow(world, person, { datasets: [BILLS, DAILY], forms: ["csv"] });
    const delivered = await deliver(world, consent);
    const bills = heldAt(BILLS);
    const papers = [...bills.keys()].filter((key) => key.endsWith(".pdf"));
    assert.ok(papers.length > 10 && world.requestsAt("ancre").some((line) => line.startsWith("PUT ")));
    assert.deepEqual([delivered.manifest.omissions, delivered.events.get("copies_made")?.["other_format"]], [[], papers.length]);
    assert.equal(delivered.events.get("copies_made")?.["copies"], copiesIn(delivered).length);
    assert.equal(originalsIn(delivered).length, copiesIn(delivered).length + papers.length);
    const copies = new Map(copiesIn(delivered).map((copy) => [`${copy.dataset}/${copy.made_from?.key}`, copy["sha-256"]]));
    const days = [...heldAt(DAILY)].filter(([key]) => !key.endsWith(".relais.csv"));
    assert.ok(days.length > 1000);
    for (const [key, { text }] of days)
      assert.equal(copies.get(`${DAILY}/${key}`), sha256(jsonToCsv(Buffer.from(text)) as Uint8Array), key);
    const rows = await world.store.read((r) => r.transfers.progress(delivered.id));
    for (const { expected, stored, sent } of rows) assert.deepEqual([sent, stored], [expected, expected]);
  });

  /** Delivers to a platform of files that is only now accredited; what it signs nothing for is read back. */
  async function deliverTo(platform: FilePlatform, datasets: string[]): Promise<Delivered> {
    const { id: participantId } = await accreditedParticipant(world.store, {
      entityId: new URL(platform.url).origin,
      name: platform.adapter,
      roles: ["platform"],
      adapter: platform.adapter,
      endpoints: { root: platform.url },
    });
    const { personId } = person;
    const link = { id: newId("link"), personId, participantId, account: platform.account, method: "write_and_read" as const };
    await world.store.write((w) => w.accounts.putLink({ ...link, provedAt: new Date(), sealedCredentials: "sealed", inventory: null }));
    const consent = await allow(world, person, { datasets, forms: ["csv"], to: link.id });
    const ports = { ...world.ports, adapters: ADAPTERS, opener: { open: async () => platform.credentials } };
    const { id } = await requestTransfer(world.ports, { consentId: consent.id, personId });
    const terms = { leaseSeconds: 30, limits: { maxItemBytes: 1 << 30, maxItems: 10_000 }, shutdown: new AbortController().signal };
    assert.deepEqual(await runTransfer(ports, { transferId: id, epoch: 0 }, terms), { kind: "ended", state: "verified" });
    const delivered = await read(world, id);
    assert.ok(delivered.receipt.observed && delivered.receipt.items.length === delivered.manifest.items.length);
    return delivered;
  }

  test("a WebDAV folder gets both, beside each other, with their media types; the receipt that Relais signs after reading names both", async () => {
    await using server = await startRclone();
    const credentials = { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD } as const;
    await deliverTo({ adapter: "webdav", url: server.url, account: "", credentials }, [HOME, BILLS]);
    const root = join(server.folder, "data");
    const files = execFileSync("find", [root, "-type", "f"], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map((file) => ({ file, place: placeOf(file.slice(root.length + 1).split("/")) }));
    const home = new Map<string, Buffer>(
      files.filter(({ place }) => place?.dataset === HOME).map(({ file, place }) => [place?.key ?? "", readFileSync(file)]),
    );
    assert.deepEqual([...home.keys()].sort(), ["home", "home.relais.csv"]);
    assert.deepEqual(home.get("home.relais.csv"), Buffer.from(jsonToCsv(home.get("home") as Buffer) as Uint8Array));
    const types = files.find(({ file }) => file.endsWith(`_types/${HOME}.json`));
    assert.equal((JSON.parse(readFileSync(types?.file ?? "", "utf8")) as Record<string, string>)["home.relais.csv"], CSV);
  });

  test("a Solid pod gets both, each a resource with its media type", async () => {
    await using server = await startSolidServer();
    const { url, pod, clientId, clientSecret } = server;
    const credentials = { kind: "dpop-client", issuer: url, clientId, clientSecret } as const;
    const { manifest } = await deliverTo({ adapter: "solid", url, account: pod, credentials }, [HOME]);
    const copy = manifest.items.find(({ key }) => key === "home.relais.csv");
    const [folder] = execFileSync("find", [join(server.folder, "data"), "-type", "d", "-name", HOME], { encoding: "utf8" })
      .trim()
      .split("\n");
    // Community Solid Server notes a media type in the name of the file where the resource's own does not say it.
    const files = (await readdir(folder ?? "")).filter((name) => !name.endsWith(".meta")).sort();
    assert.deepEqual(files, ["home$.json", "home.relais.csv"]);
    const [original, made] = await Promise.all(files.map((name) => readFile(join(folder ?? "", name))));
    assert.deepEqual([sha256(made as Buffer), made], [copy?.["sha-256"], Buffer.from(jsonToCsv(original as Buffer) as Uint8Array)]);
  });

  test("notice, mandate and record say the same of the choice; what was not offered cannot be chosen", async () => {
    const consent = await allow(world, person, { datasets: [HOME], forms: ["csv"] });
    assert.deepEqual([consent.notice.forms, consent.forms], [["csv"], ["csv"]]);
    const mandate = consent.acts?.find((act): act is Mandate => act.act === "mandate");
    assert.deepEqual(mandate?.object.forms, ["csv"]);
    const plain = await allow(world, person, { datasets: [HOME] });
    assert.deepEqual(
      [plain.notice.forms, plain.forms, plain.noticeHash],
      [["csv"], [], consent.noticeHash],
      "the same was asked, and another answer given",
    );
    assert.ok(!("forms" in (plain.acts?.find((act): act is Mandate => act.act === "mandate")?.object ?? {})));
    await assert.rejects(allow(world, person, { datasets: [HOME], forms: ["xlsx" as "csv"] }), { code: "invalid" });
  });

  test("the choice alone can be changed, by a change of the permission; one that changes nothing is refused", async () => {
    const present = await allow(world, person, { datasets: [HOME], forms: ["csv"], recurrence: "P1D" });
    const terms = {
      consentId: present.id,
      personId: person.personId,
      datasets: [HOME],
      recurrence: "P1D",
      expires: present.notice.expires,
    };
    const wish = { ...terms, retention: null, language: "fr", requester: null } as const;
    await assert.rejects(amendConsent(world.ports, { ...wish, forms: ["csv"] }), { code: "conflict" });
    await assert.rejects(amendConsent(world.ports, wish), { code: "conflict" }, "left out, it stays as it is");
    const asked = await amendConsent(world.ports, { ...wish, forms: [] });
    assert.deepEqual([asked.notice.forms, asked.notice.before?.forms], [undefined, ["csv"]]);
    const given = await grantConsent(world.ports, {
      consentId: asked.id,
      personId: person.personId,
      datasets: [HOME],
      noticeHash: asked.noticeHash,
      language: "fr",
    });
    assert.deepEqual([given.forms, copiesIn(await deliver(world, given))], [[], []]);
    const later = await amendConsent(world.ports, { ...wish, consentId: given.id, expires: inDays(60) });
    assert.equal(later.notice.forms, undefined, "a renewal does not bring it back");
  });

  async function isVerifiedOffline(delivered: Delivered, held: typeof heldAt): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "relais-copies-"));
    const keys = async (issuer: string): Promise<unknown> => {
      const statement = await (await fetch(`${issuer}/.well-known/openid-federation`)).text().catch(() => "");
      const { metadata } = payloadOf(statement) as { metadata: { oauth_client?: { jwks: unknown } } };
      return metadata.oauth_client?.jwks;
    };
    const relaisKeys: unknown = await (await fetch(`${world.relais.issuer}/.well-known/jwks.json`)).json();
    try {
      await writeFile(
        join(folder, "keys.json"),
        JSON.stringify({ [world.relais.issuer]: relaisKeys, [world.ancre.entityId]: await keys(world.ancre.entityId) }),
      );
      for (const kind of ["manifest", "receipt"] as const) await writeFile(join(folder, `${kind}.jws`), delivered.jws[kind]);
      for (const { dataset, key } of delivered.manifest.items) {
        const file = join(folder, "items", dataset, key);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, held(dataset).get(key)?.text ?? "");
      }
      const results = await verify([folder], null);
      assert.deepEqual(
        results.filter(({ ok }) => !ok),
        [],
      );
      assert.deepEqual(
        results.slice(-2).map(({ file }) => file),
        ["4 files", "2 copies"],
      );
      await writeFile(join(folder, "items", HOME, "home"), "{}");
      const [, wrong] = (await verify([folder], null)).filter(({ ok }) => !ok);
      assert.equal(wrong?.says, `${HOME}/home.relais.csv was made from another content of home.`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
});

describe("under a recurring permission", () => {
  const library: JournalLibrary = journalLibrary();
  let world: SandboxWorld;
  let person: Resident;
  let consent: Consent;
  before(async () => {
    world = await startSandboxWorld("copies-again", library);
    person = await world.resident("camille");
  });
  after(() => world?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    if (consent) await withdrawConsent(world.ports, { consentId: consent.id, personId: person.personId });
    consent = await allow(world, person, { datasets: [CONTRACT], forms: ["csv"], recurrence: "P1D" });
  });
  const keysOf = ({ manifest }: Delivered): string[] => manifest.items.map(({ key }) => key);
  const goneIn = ({ manifest }: Delivered): string[] => (manifest.deletions ?? []).map(({ key }) => key);
  const held = (key: string): string | null => {
    const item = world.ancre.shelves.find(person.space, CONTRACT, key);
    return item && readFileSync(world.ancre.shelves.path(item), "utf8");
  };

  test("a corrected original brings its copy anew, an unchanged one neither, and a deleted one takes its copy along", async () => {
    library.put(CONTRACT, "one", { kWh: 1 });
    library.put(CONTRACT, "two", { kWh: 2 });
    assert.deepEqual(keysOf(await deliver(world, consent)), ["one", "one.relais.csv", "two", "two.relais.csv"]);
    library.put(CONTRACT, "two", { kWh: 3 });
    const corrected = await deliver(world, consent);
    assert.deepEqual(keysOf(corrected), ["two", "two.relais.csv"]);
    assert.equal(held("two.relais.csv"), "kWh\r\n3\r\n");
    const [row] = await world.store.read((r) => r.transfers.progress(corrected.id));
    assert.deepEqual([row?.expected, row?.verified], [1, 1]);
    library.remove(CONTRACT, "one");
    const gone = await deliver(world, consent);
    assert.deepEqual([keysOf(gone), goneIn(gone)], [[], ["one", "one.relais.csv"]]);
    assert.deepEqual([held("one"), held("one.relais.csv")], [null, null]);
    const nothing = await deliver(world, consent);
    assert.deepEqual([keysOf(nothing), goneIn(nothing), nothing.events.get("copies_made")], [[], [], undefined]);
  });

  test("an original that has no such form any more leaves no outdated copy behind", async () => {
    library.put(CONTRACT, "three", { kWh: 1 });
    await deliver(world, consent);
    library.put(CONTRACT, "three", [1, 2]);
    const changed = await deliver(world, consent);
    assert.deepEqual([keysOf(changed), goneIn(changed)], [["three"], ["three.relais.csv"]]);
    assert.deepEqual(changed.events.get("copies_made"), { no_table: 1 });
    assert.deepEqual([held("three"), held("three.relais.csv")], ["[1,2]", null]);
    library.put(CONTRACT, "three", { kWh: 9 });
    assert.deepEqual(keysOf(await deliver(world, consent)), ["three", "three.relais.csv"]);
  });

  test("an item that is read at its own address is converted too, and read once; one that cannot be read has no copy now, and one later", async () => {
    library.put(CONTRACT, "four.raw", { kWh: 4 });
    world.requestsAt("energy");
    assert.ok(keysOf(await deliver(world, consent)).includes("four.raw.relais.csv"));
    const reads = world.requestsAt("energy").filter((line) => line.endsWith("/items/four.raw"));
    assert.equal(reads.length, 1);
    library.put(CONTRACT, "four.raw", { kWh: 5 });
    library.lost.add("four.raw");
    const partial = await deliver(world, consent, "partial");
    assert.deepEqual([keysOf(partial), goneIn(partial), partial.events.get("copies_made")], [[], [], { not_read: 1 }]);
    assert.equal(held("four.raw.relais.csv"), "kWh\r\n4\r\n", "the old copy stands beside the old original");
    library.lost.clear();
    assert.deepEqual(keysOf(await deliver(world, consent)), ["four.raw", "four.raw.relais.csv"]);
  });

  test("a copy that was left behind comes later, with its original", async () => {
    library.put(CONTRACT, "six", { kWh: 6 });
    const { id } = await deliver(world, consent);
    const left =
      "update relais.transfer_items set state = 'omitted', reason = 'refused_by_destination' where transfer_id = $1 and key = 'six.relais.csv'";
    assert.equal((await world.pool.query(left, [id])).rowCount, 1);
    assert.deepEqual(keysOf(await deliver(world, consent)), ["six", "six.relais.csv"]);
    assert.deepEqual(keysOf(await deliver(world, consent)), []);
  });

  test("a name that copies have is not free for an item of the source: it stays behind by its name, and no copy is written over", async () => {
    library.put(CONTRACT, "five", { kWh: 5 });
    library.put(CONTRACT, "five.relais.csv", { mine: true });
    const delivered = await deliver(world, consent, "partial");
    const [omission] = delivered.manifest.omissions;
    assert.match(omission?.key ?? "", /^five\.relais\.csv~[\w-]{8}$/);
    assert.deepEqual([delivered.manifest.omissions.length, omission?.reason], [1, "unsafe_name"]);
    assert.equal(held("five.relais.csv"), "kWh\r\n5\r\n");
    library.remove(CONTRACT, "five.relais.csv");
  });
});

describe("when it goes wrong", () => {
  const json = (key: string, value: unknown): FakeAccount["items"][number] => ({
    dataset: HOME,
    key,
    content: Buffer.from(JSON.stringify(value)),
  });

  async function world(source: FakeAccount, destination: FakeAccount) {
    const engine = await startEngine(fakeAdapter(source, destination), [HOME]);
    const asked = await engine.ask([HOME]);
    const given = await grantConsent(engine.ports, {
      consentId: asked.id,
      personId: engine.personId,
      datasets: [HOME],
      forms: ["csv"],
      noticeHash: asked.noticeHash,
      language: "fr",
    });
    const { id } = await requestTransfer(engine.ports, { consentId: given.id, personId: engine.personId });
    const run = async (limits = engine.terms.limits) => {
      const { epoch } = await engine.store.read((r) => r.transfers.get(id));
      return runTransfer(engine.ports, { transferId: id, epoch }, { ...engine.terms, limits });
    };
    return { engine, id, run, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  }

  for (const takesCompactForm of [false, true])
    test(`an attempt that broke off is taken up again, with the same copies (${takesCompactForm ? "compact" : "long"} form)`, async () => {
      let breaks = 1;
      const source = fakeAccount({ items: [json("a", { n: 1 }), json("b", { n: 2 }), json("c", [1])] });
      const destination = fakeAccount({
        takesCompactForm,
        fault: (call) => {
          if ((call === "complete" || call === "handOver") && breaks-- > 0) throw new Error("the line breaks");
        },
      });
      await using it = await world(source, destination);
      assert.equal((await it.run()).kind, "waiting");
      await it.engine.store.write(async (w) => void (await w.deliveries.change(it.id, 1, { dueInSeconds: -1 })));
      assert.deepEqual(await it.run(), { kind: "ended", state: "verified" });
      const { manifest } = await read(it.engine, it.id);
      assert.deepEqual(
        manifest.items.map(({ key, made_from }) => [key, made_from?.key]),
        [
          ["a", undefined],
          ["a.relais.csv", "a"],
          ["b", undefined],
          ["b.relais.csv", "b"],
          ["c", undefined],
        ],
      );
    });

  test("a lost copy, and a lost original beside its copy, are told: neither stands for the other", async () => {
    for (const lost of ["a.relais.csv", "a"]) {
      const destination = fakeAccount({ lie: (items) => items.filter(({ key }) => key !== lost) });
      await using it = await world(fakeAccount({ items: [json("a", { n: 1 })] }), destination);
      assert.deepEqual(await it.run(), { kind: "ended", state: "partial" });
      const { events } = await read(it.engine, it.id);
      const told = lost === "a" ? { stored: 0, omitted: 1, missing: 0, copies: 1 } : { stored: 1, omitted: 0, missing: 0, copies_left: 1 };
      assert.deepEqual(events.get("partial"), told);
    }
  });

  test("an original that its source counts and never lists is missing, however many copies there are", async () => {
    const source = fakeAccount({ items: [json("a", { n: 1 }), json("b", { n: 2 })], pageSize: 1, paging: () => null });
    await using it = await world(source, fakeAccount());
    assert.deepEqual(await it.run(), { kind: "ended", state: "partial" });
    assert.deepEqual((await read(it.engine, it.id)).events.get("partial"), { stored: 1, omitted: 0, missing: 1, copies: 1 });
  });

  test("more than 1 MiB, and no JSON, come alone and in full; more than is kept in memory is made again when it moves", async () => {
    const big = (key: string, bytes: number) => json(key, [{ text: "x".repeat(bytes) }]);
    const many = Array.from({ length: 20 }, (_, index) => big(`m${index}`, 900_000));
    const source = fakeAccount({
      items: [big("large", 1_100_000), { dataset: HOME, key: "text", content: Buffer.from("no JSON") }, ...many],
    });
    const destination = fakeAccount();
    await using it = await world(source, destination);
    assert.deepEqual(await it.run(), { kind: "ended", state: "verified" });
    assert.deepEqual((await read(it.engine, it.id)).events.get("copies_made"), { copies: 20, too_large: 1, no_table: 1 });
    for (const { key, content } of many)
      assert.equal(destination.stored.get(`${HOME}/${key}.relais.csv`)?.sha256, sha256(jsonToCsv(content) as Uint8Array));
    assert.ok(destination.stored.has(`${HOME}/large`) && destination.stored.has(`${HOME}/text`));
  });
});
