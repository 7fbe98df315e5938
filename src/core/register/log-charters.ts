import { RelaisError } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import { lastMoment, type Charter, type Charters } from "./charter.ts";
import type { LoggedCharter } from "./logbook.ts";

type LoggingPorts = Pick<Ports, "store" | "clock"> & { charters: Pick<Charters, "list"> };

/**
 * Writes each version of the charter into the public log, once for its text and again for each change of its dates of transition. What was
 * accredited under a version that ends earlier now ends with it.
 * @throws RelaisError `unavailable` where the text of a version is not the one that was logged: nothing may start with it.
 */
export async function logCharters({ store, clock, charters }: LoggingPorts): Promise<void> {
  for (const charter of charters.list().toReversed())
    await store.write(async (w) => {
      await logCharter(w, charter, clock.now());
      if (charter.validUntil !== null) await w.cases.endWithCharter(charter.version, lastMoment(charter.validUntil));
    });
}

async function logCharter(w: Writer, { version, digest, from, until, validUntil }: Charter, at: Date): Promise<void> {
  const present: LoggedCharter = { version, digest, until, validUntil };
  const known = await w.logbook.claimCharter(present);
  if (known !== null && known.digest !== digest) throw changed(version, known.digest);
  if (known !== null && known.until === until && known.validUntil === validUntil) return;
  if (known !== null) await w.logbook.setDates(present);
  await w.log.append({ kind: "charter", at, body: { version, digest, from, until, valid_until: validUntil } });
}

function changed(version: string, logged: string): RelaisError {
  return new RelaisError(
    "unavailable",
    `The text of version ${version} of the charter changed after it was logged (its digest was ${logged}). The operator must restore policies/charter/${version} as it was released; whoever writes the charter makes a new version.`,
    { actor: "operator" },
  );
}
