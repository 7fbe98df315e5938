import { VerificationError } from "../sdk/documents.ts";
import { verifyTrustList, type TrustListClaims } from "../sdk/trust-lists.ts";
import { EXIT, print } from "./command.ts";
import { publicDownload } from "./register-client.ts";
import type { Call } from "./register-call.ts";
import { writeWhole } from "./whole-file.ts";

/** Fetches the list and checks it: what does not verify is not written. */
export async function trustListOf({ relais, values }: Call): Promise<number> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await publicDownload(relais, "/v1/trust-list")) chunks.push(chunk);
  const jwt = Buffer.concat(chunks).toString();
  try {
    const list = await verifyTrustList(jwt, { anchor: { entityId: values.anchor ?? relais } });
    if (values.out !== undefined) await writeWhole(values.out, one(`${jwt}\n`));
    print(values.json ? JSON.stringify({ ok: true, ...list }, null, 2) : `verified   ${saysOf(list)}`);
    return EXIT.fine;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    print(values.json ? JSON.stringify({ ok: false, says: error.message }, null, 2) : `NOT VALID  ${error.message}`);
    return EXIT.checkFailed;
  }
}

/** Said of a list that verifies. */
export function saysOf({ iss, iat, exp, entities }: TrustListClaims): string {
  const moment = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `trust list of ${iss}: ${entities.length} accredited on ${moment(iat)}, to be believed until ${moment(exp)}`;
}

async function* one(text: string): AsyncGenerator<string> {
  yield text;
}
