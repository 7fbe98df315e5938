import type { OutboundResponse } from "../transfer/adapter.ts";
import { withToken } from "./export-probes.ts";
import { failed, notRun, passed, unexpected, type Finding, type Look, type Probe, type TestToken } from "./probing.ts";
import { shellWord } from "./shell-word.ts";

/** A recurring delivery asks for what is new: who names a position has to know it again, and only what changed since is listed from there. */
export const CHANGES_PROBE: Probe = {
  name: "export.tells-changes",
  title: { fr: "Ce qui est nouveau, sans le reste", en: "What is new, without the rest" },
  reproduce: ({ participant }) =>
    `relais conformance sign --target ${shellWord(participant.entityId)} --dataset ${shellWord(participant.datasets[0]?.id ?? "<one>")} --url ${shellWord(`${participant.endpoints.export ?? "<export_endpoint>"}/datasets/${participant.datasets[0]?.id ?? "<one>"}?position=never-named`)}   # prints a curl command; expected: 410`,
  run: tellsChanges,
};

interface Page {
  items: unknown[];
  next: string | null;
  position?: unknown;
  gone?: unknown;
}

async function tellsChanges(look: Look): Promise<Finding> {
  const dataset = look.participant.datasets[0]?.id;
  if (dataset === undefined) return failed("Aucun jeu de données n’est publié.", "No data set is published.");
  return withToken(look, [dataset], async (token) => {
    const whole = await ask(look, token, dataset, {});
    if (whole.status !== 200) return dropped(whole, "200");
    const { items, position } = JSON.parse(await whole.text()) as Page;
    if (items.length === 0) return notRun("Le compte d’essai est vide.", "The test account is empty.");
    const tomorrow = new Date(look.clock.now().getTime() + 86_400_000).toISOString();
    return typeof position === "string"
      ? byPosition(look, token, { dataset, position })
      : byTime(look, token, { dataset, since: tomorrow });
  });
}

async function byPosition(look: Look, token: TestToken, { dataset, position }: { dataset: string; position: string }): Promise<Finding> {
  const unknown = await ask(look, token, dataset, { position: "never-named" });
  if (unknown.status !== 410) return dropped(unknown, "410");
  await unknown.drop();
  const since = await ask(look, token, dataset, { position });
  if (since.status !== 200) return dropped(since, "200");
  const { items, gone = [] } = JSON.parse(await since.text()) as Page;
  return items.length === 0 && Array.isArray(gone) && gone.length === 0
    ? passed(
        "Depuis la position donnée, rien de nouveau ; une position inconnue est dite inconnue.",
        "Nothing new since the position that it named; an unknown one is said to be unknown.",
      )
    : failed(
        "Depuis la position donnée, il liste ce qui n’a pas changé.",
        "It lists what has not changed since the position that it named.",
      );
}

async function byTime(look: Look, token: TestToken, { dataset, since }: { dataset: string; since: string }): Promise<Finding> {
  const answer = await ask(look, token, dataset, { since });
  if (answer.status !== 200) return dropped(answer, "200");
  const { items } = JSON.parse(await answer.text()) as Page;
  return items.length === 0
    ? passed("Depuis demain, rien de nouveau.", "Nothing new since tomorrow.")
    : failed("Il liste ce qui n’a pas changé depuis la date demandée.", "It lists what has not changed since the time that is asked for.");
}

async function ask(look: Look, token: TestToken, dataset: string, query: Record<string, string>): Promise<OutboundResponse> {
  const address = `${look.participant.endpoints.export}/datasets/${encodeURIComponent(dataset)}`;
  const headers = await token.headers({ method: "GET", url: address });
  return look.fetch({ method: "GET", url: `${address}?${new URLSearchParams(query)}`, headers });
}

async function dropped(answer: OutboundResponse, wanted: string): Promise<Finding> {
  await answer.drop();
  return unexpected("changes", answer, wanted);
}
