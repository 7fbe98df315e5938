import { webdav } from "../../adapters/webdav/index.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { startEngine, type RealEnds } from "../support/engine.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";
import { timed } from "./measure.ts";

export const CREDENTIALS = { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD } as const;
export const AUTHORIZATION = `Basic ${Buffer.from(`${WEBDAV_USER}:${WEBDAV_PASSWORD}`).toString("base64")}`;

/** Where the files of a data set lie at a source whose root this is. */
export const placeOf = (dataset: string): string => `relais/holder/${dataset}`;

/** A WebDAV server as one end of a transfer. */
export const endAt = ({ url }: ServerProcess) => ({ adapter: "webdav", entityId: url.slice(0, -1), endpoints: { root: url } }) as const;

/** By the server itself: some keep in mind what they saw. */
export async function removeFrom({ url }: ServerProcess, path: string): Promise<void> {
  const answer = await fetch(url + path, { method: "DELETE", headers: { authorization: AUTHORIZATION } });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`DELETE ${path} is answered ${answer.status}`);
}

/** Seconds of one transfer between two servers in a database of its own, from asking for it until it is verified. */
export async function secondsOfTransfer(
  [from, to]: readonly [ServerProcess, ServerProcess],
  dataset: string,
  network: RealEnds["network"],
): Promise<number> {
  await using engine = await startEngine(webdav, [dataset], {
    source: endAt(from),
    destination: endAt(to),
    network,
    credentials: CREDENTIALS,
  });
  const { id: consentId } = await engine.consent([dataset]);
  return await timed(async () => {
    const { id } = await requestTransfer(engine.ports, { consentId, personId: engine.personId });
    const result = await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms);
    if (result.kind !== "ended" || result.state !== "verified") throw new Error(`the transfer ended as ${JSON.stringify(result)}`);
  });
}
