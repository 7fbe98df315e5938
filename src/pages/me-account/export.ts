import type { PersonRow } from "../../core/person/account.ts";
import type { Answer, PagesPorts, PersonVisit } from "../visit.ts";

/** Everything that Relais holds on the person, in one JSON document, at one moment (GDPR articles 15 and 20). */
export function exportRecords(ports: PagesPorts, { personId }: PersonVisit): Answer {
  const madeAt = ports.clock.now().toISOString();
  return {
    kind: "download",
    name: `relais-${madeAt.slice(0, 10)}.json`,
    type: "application/json; charset=utf-8",
    parts: (signal) =>
      bridged(signal, (give) =>
        ports.store.read((r) => document(give, { personId, madeAt, issuer: ports.issuer }, r.account.records(personId))),
      ),
  };
}

type Give = (part: string) => Promise<void>;

async function document(give: Give, head: Record<string, string>, rows: AsyncIterable<PersonRow>): Promise<void> {
  const { personId, madeAt, issuer } = head;
  const opening = JSON.stringify({ format: "relais-person/1", issuer, person: personId, made_at: madeAt });
  await give(`${opening.slice(0, -1)},\n"records":{`);
  let table: string | null = null;
  for await (const { table: from, row } of rows) {
    const before: string = table === from ? ",\n" : `${table === null ? "" : "],"}\n${JSON.stringify(from)}:[\n`;
    await give(before + JSON.stringify(row));
    table = from;
  }
  await give(`${table === null ? "" : "]"}}}\n`);
}

/** Parts that are pushed from within a transaction, handed out one by one: the next is made when this one was taken. */
async function* bridged(signal: AbortSignal, work: (give: Give) => Promise<void>): AsyncGenerator<string> {
  let waiting = Promise.withResolvers<string | null>();
  let taken = Promise.withResolvers<void>();
  const give: Give = async (part) => {
    signal.throwIfAborted();
    waiting.resolve(part);
    await taken.promise;
    taken = Promise.withResolvers();
  };
  const working = work(give).then(
    () => waiting.resolve(null),
    (error: unknown) => waiting.reject(error),
  );
  try {
    for (;;) {
      const part = await waiting.promise;
      if (part === null) return;
      yield part;
      waiting = Promise.withResolvers();
      taken.resolve();
    }
  } finally {
    taken.reject(new Error("the reader left"));
    for (const { promise } of [taken, waiting]) promise.catch(() => undefined);
    await working;
  }
}
