import { canonicalJson } from "../canonical-json.ts";
import type { OutboundResponse } from "../transfer/adapter.ts";
import { readContentDigest, sha256 } from "../transfer/manifest.ts";
import { failed, passed, unexpected, type Finding, type Look, type Probe, type TestToken } from "./probing.ts";
import { shellWord } from "./shell-word.ts";
import { beginTrial, TRIAL_DATASET, trialItem, type TrialItem } from "./trial-transfer.ts";

const exportUrl = ({ participant }: Look): string => participant.endpoints.export ?? "<export_endpoint>";

/** What a source has to do: under a right only, no more than the right covers, and all of it. */
export const HOLDER_PROBES: Probe[] = [
  {
    name: "export.refuses-without-consent",
    title: { fr: "Rien sans autorisation", en: "Nothing without permission" },
    reproduce: (look) => `curl -si ${shellWord(`${exportUrl(look)}/datasets`)}   # expected: 401`,
    run: refusesWithoutConsent,
  },
  {
    name: "export.lists-datasets",
    title: { fr: "La liste est complète et exacte", en: "The list is complete and right" },
    reproduce: (look) => tokenHint(look, look.participant.datasets[0]?.id ?? "<one>", "/datasets"),
    run: listsDatasets,
  },
  {
    name: "export.honours-narrowing",
    title: { fr: "Rien au-delà de l’autorisation", en: "Nothing beyond the permission" },
    reproduce: (look) =>
      `${tokenHint(look, look.participant.datasets[0]?.id ?? "<one>", `/datasets/${encodeURIComponent(look.participant.datasets[1]?.id ?? "nothing.of.this.name")}`)}   # expected: 403`,
    run: honoursNarrowing,
  },
  withdrawalProbe((look) => endedTokenIsRefused(look, [String(look.participant.datasets[0]?.id)])),
];

export const REVERSIBILITY_PROBES: Probe[] = [
  withdrawalProbe(platformHonoursWithdrawal),
  {
    name: "roundtrip.fidelity",
    title: { fr: "Ce qui entre peut sortir", en: "What goes in comes out" },
    reproduce: (look) => tokenHint(look, TRIAL_DATASET, `/datasets/${TRIAL_DATASET}`),
    run: roundTrip,
  },
];

/** A token is bound to a key and its proof counts once: a command makes both, and prints the curl command. */
function tokenHint(look: Look, dataset: string, path: string): string {
  const words = ["--target", look.participant.entityId, "--dataset", dataset, "--url", `${exportUrl(look)}${path}`];
  return `relais conformance sign ${words.map(shellWord).join(" ")}   # prints a curl command`;
}

function withdrawalProbe(run: Probe["run"]): Probe {
  return {
    name: "withdrawal.honoured",
    title: { fr: "Le retrait est respecté", en: "A withdrawal is honoured" },
    reproduce: (look) =>
      `${tokenHint(look, look.participant.datasets[0]?.id ?? TRIAL_DATASET, "/datasets")}   # then press Enter there, which ends the token, and send it again: expected 401 within one second`,
    run,
  };
}

async function get(look: Look, token: TestToken | null, path: string): Promise<OutboundResponse> {
  const url = `${exportUrl(look)}${path}`;
  return look.fetch({ method: "GET", url, headers: token === null ? {} : await token.headers({ method: "GET", url }) });
}

export async function withToken(look: Look, datasets: string[], work: (token: TestToken) => Promise<Finding>): Promise<Finding> {
  const { participant } = look;
  if (participant.endpoints.export === undefined)
    return failed("Aucune adresse de lecture n’est publiée (export_endpoint).", "No address to read from is published (export_endpoint).");
  if (participant.about.testAccount === undefined)
    return failed("Aucun compte d’essai n’est publié (test_account).", "No test account is published (test_account).");
  const token = await look.testToken({ participant, datasets, actions: ["copy"] });
  try {
    return await work(token);
  } finally {
    await token.end().catch(() => undefined);
  }
}

async function refusesWithoutConsent(look: Look): Promise<Finding> {
  const answer = await get(look, null, "/datasets");
  await answer.drop();
  return answer.status === 401
    ? passed("Sans autorisation, la lecture est refusée.", "Without a permission, reading is refused.")
    : unexpected("datasets", answer, "401");
}

interface Listed {
  key: string;
  media_type: string;
  bytes: number;
  digest: string;
  content?: unknown;
}

export async function pageOf(look: Look, token: TestToken, dataset: string): Promise<Listed[] | OutboundResponse> {
  const answer = await get(look, token, `/datasets/${encodeURIComponent(dataset)}`);
  if (answer.status !== 200) {
    await answer.drop();
    return answer;
  }
  return (JSON.parse(await answer.text()) as { items: Listed[] }).items;
}

async function listsDatasets(look: Look): Promise<Finding> {
  const datasets = look.participant.datasets.map(({ id }) => id);
  return withToken(look, datasets, async (token) => {
    const answer = await get(look, token, "/datasets");
    if (answer.status !== 200) return unexpected("datasets", answer, "200");
    const counts = (JSON.parse(await answer.text()) as { datasets: { dataset: string; items: number }[] }).datasets.filter(
      ({ items }) => items > 0,
    );
    if (counts.length === 0)
      return failed("Le compte d’essai est vide : mettez-y quelques éléments.", "The test account is empty: put some items there.");
    for (const { dataset } of counts) {
      const items = await pageOf(look, token, dataset);
      if (!Array.isArray(items)) return unexpected(dataset, items, "200");
      for (const item of items.slice(0, 3)) {
        const bytes = await bytesOf(look, token, dataset, item);
        if (sha256(bytes) !== readContentDigest(item.digest) || bytes.length !== item.bytes)
          return failed(
            `Dans ${dataset}, un élément n’a pas l’empreinte annoncée.`,
            `In ${dataset}, an item has not the digest that is listed.`,
          );
      }
    }
    return passed(
      `${counts.length} jeux de données, nombres et empreintes exacts.`,
      `${counts.length} data sets, counts and digests right.`,
    );
  });
}

export async function bytesOf(look: Look, token: TestToken, dataset: string, item: Listed): Promise<Uint8Array> {
  if (item.content !== undefined) return new TextEncoder().encode(canonicalJson(item.content));
  const answer = await get(look, token, `/datasets/${encodeURIComponent(dataset)}/items/${encodeURIComponent(item.key)}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function honoursNarrowing(look: Look): Promise<Finding> {
  const [allowed, other] = look.participant.datasets.map(({ id }) => id);
  if (allowed === undefined) return failed("Aucun jeu de données n’est publié.", "No data set is published.");
  const beyond = other ?? "nothing.of.this.name";
  return withToken(look, [allowed], async (token) => {
    const answer = await get(look, token, `/datasets/${encodeURIComponent(beyond)}`);
    await answer.drop();
    return [403, 404].includes(answer.status)
      ? passed("Un jeu de données non autorisé est refusé.", "A data set that is not allowed is refused.")
      : unexpected(beyond, answer, "403");
  });
}

const FELT_MILLISECONDS = 1000;

async function endedTokenIsRefused(look: Look, datasets: string[]): Promise<Finding> {
  return withToken(look, datasets, async (token) => {
    const before = await get(look, token, "/datasets");
    await before.drop();
    if (before.status !== 200) return unexpected("datasets", before, "200");
    await token.end();
    await look.clock.sleep(FELT_MILLISECONDS, look.signal);
    const after = await get(look, token, "/datasets");
    await after.drop();
    return after.status === 401
      ? passed(
          "Une seconde après la fin de l’autorisation, plus rien n’est livré.",
          "One second after the permission ended, nothing more is delivered.",
        )
      : unexpected("datasets after the end", after, "401");
  });
}

async function platformHonoursWithdrawal(look: Look): Promise<Finding> {
  const trial = beginTrial(look);
  const item = trialItem("late");
  await (await trial.announce([item])).drop();
  const stopped = await trial.stop();
  await stopped.drop();
  if (stopped.status !== 204) return unexpected("stop", stopped, "204");
  const late = await trial.put(item);
  await late.drop();
  if (![404, 409, 410].includes(late.status)) return unexpected("item after the stop", late, "409");
  return endedTokenIsRefused(look, [TRIAL_DATASET]);
}

const KILOBYTES = 300;

/** Sizes, media types and names that a platform meets in real life. */
function roundTripItems(): TrialItem[] {
  const large = new Uint8Array(KILOBYTES * 1024).map((_, index) => (index * 31) % 251);
  return [
    trialItem("empty", ""),
    trialItem("one", "1"),
    trialItem("été/relevé nº 1.txt", "accents"),
    trialItem("CON", "a name that some systems reserve"),
    trialItem("100%_&+=?#.txt", "signs of addresses"),
    trialItem("data.json", '{"b":1,"a":[1,2,3]}', "application/json"),
    { dataset: TRIAL_DATASET, key: "large.bin", mediaType: "application/octet-stream", body: large },
  ];
}

async function roundTrip(look: Look): Promise<Finding> {
  const items = roundTripItems();
  const trial = beginTrial(look);
  const announced = await trial.announce(items);
  await announced.drop();
  if (announced.status !== 201) return unexpected("announce", announced, "201");
  for (const item of items) {
    const answer = await trial.put(item);
    await answer.drop();
    if (![201, 204].includes(answer.status)) return unexpected(item.key, answer, "201");
  }
  await (await trial.complete(await trial.sign(items))).drop();
  return withToken(look, [TRIAL_DATASET], async (token) => {
    const listed = await pageOf(look, token, TRIAL_DATASET);
    if (!Array.isArray(listed)) return unexpected("page", listed, "200");
    for (const item of items) {
      const flaw = await flawOf(look, token, item, listed);
      if (flaw !== null) return flaw;
    }
    await erase(look);
    return passed(`${items.length} éléments relus à l’identique.`, `${items.length} items read back, the same.`);
  });
}

async function flawOf(look: Look, token: TestToken, item: TrialItem, listed: Listed[]): Promise<Finding | null> {
  const found = listed.find(({ key }) => key === item.key);
  if (!found) return failed(`« ${item.key} » ne ressort pas.`, `"${item.key}" does not come out.`);
  if (found.media_type.split(";")[0] !== item.mediaType)
    return failed(`« ${item.key} » a changé de type.`, `"${item.key}" changed its type.`);
  const bytes = await bytesOf(look, token, TRIAL_DATASET, found);
  // JSON may come inline in canonical form: then it is the same value, and the same digest as listed.
  const wanted =
    found.content === undefined ? item.body : new TextEncoder().encode(canonicalJson(JSON.parse(new TextDecoder().decode(item.body))));
  return sha256(bytes) === sha256(wanted)
    ? null
    : failed(`« ${item.key} » ressort avec un autre contenu.`, `"${item.key}" comes out with other content.`);
}

/** What the trial left is deleted where the platform can; else it stays on the test account. */
async function erase(look: Look): Promise<void> {
  const { participant } = look;
  const token = await look.testToken({ participant, datasets: [TRIAL_DATASET], actions: ["erase"] });
  const url = `${exportUrl(look)}/account-data`;
  const answer = await look.fetch({ method: "DELETE", url, headers: await token.headers({ method: "DELETE", url }) });
  await answer.drop();
  await token.end().catch(() => undefined);
}
