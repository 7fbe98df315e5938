import { z } from "zod";
import { isDataSetId } from "../core/catalogue/data-set.ts";
import { RelaisError } from "../core/errors.ts";
import type { Participant } from "../core/register/participant.ts";
import type { DatasetCount, Fetch } from "../core/transfer/adapter.ts";

/** Scope of the platform's own issuer under which it tells what an account holds (docs/self-data-transfer.md, source side). */
export const INVENTORY_SCOPE = "self_data.inventory";

const count = z
  .int()
  .min(0)
  .nullish()
  .transform((value) => value ?? null);
const answerBody = z.object({
  datasets: z.array(z.object({ dataset: z.string().refine(isDataSetId), items: count, bytes: count })).max(1000),
});

/** A platform that a person may leave tells what the account holds. */
export function tellsInventory(participant: Participant): boolean {
  return participant.adapter === "self-data" && participant.roles.includes("platform") && participant.endpoints.export !== undefined;
}

/** Null where the platform does not tell. @throws RelaisError `peer_protocol`, `peer_unavailable`. */
export async function readInventory(fetch: Fetch, participant: Participant, accessToken: string): Promise<DatasetCount[] | null> {
  const answer = await fetch({
    method: "GET",
    url: `${participant.endpoints.export}/datasets`,
    headers: { accept: "application/json", authorization: `Bearer ${accessToken}` },
  });
  if (answer.status !== 200) {
    await answer.drop();
    if (answer.status >= 500)
      throw new RelaisError("peer_unavailable", `${participant.name} could not tell what your account holds. Try again in a few minutes.`, {
        details: { status: answer.status },
      });
    return null;
  }
  const parsed = answerBody.safeParse(parseJson(await answer.text()));
  if (!parsed.success)
    throw new RelaisError(
      "peer_protocol",
      `${participant.name} told what your account holds in a form that cannot be read. Its help desk can mend that.`,
      { cause: parsed.error },
    );
  return parsed.data.datasets;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
