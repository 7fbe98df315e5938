import { z } from "zod";
import { isDataSetId } from "../core/catalogue/data-set.ts";
import { RelaisError } from "../core/errors.ts";
import type { Participant } from "../core/register/participant.ts";
import { APPROVAL_RULES, type JointContract } from "../core/person/joint-contract.ts";
import type { DatasetCount, Fetch } from "../core/transfer/adapter.ts";

/** Scope of the platform's own issuer under which it tells what an account holds (docs/self-data-transfer.md, source side). */
export const INVENTORY_SCOPE = "self_data.inventory";

const count = z
  .int()
  .min(0)
  .nullish()
  .transform((value) => value ?? null);
const reference = z.string().regex(/^[\w.~-]{8,200}$/);
/** A contract that others hold too: its name, which of its holders this account is, and all of them, without names. */
const contract = z.object({
  reference,
  party: reference,
  parties: z.array(reference).min(1).max(20),
  approval_rule: z.enum(APPROVAL_RULES),
  safety: z.boolean().default(false),
});
const answerBody = z.object({
  contract: contract.nullish().transform((value) => value ?? null),
  datasets: z.array(z.object({ dataset: z.string().refine(isDataSetId), items: count, bytes: count })).max(1000),
});

/** What an account holds, and who else holds the contract behind it. */
export interface ToldOfAccount {
  inventory: DatasetCount[];
  contract: JointContract | null;
}

/** A platform that a person may leave tells what the account holds; a holder does where it says so. */
export function tellsInventory({ adapter, roles, endpoints, about }: Participant): boolean {
  return adapter === "self-data" && endpoints.export !== undefined && (roles.includes("platform") || about.tellsInventory === true);
}

/** Null where the participant does not tell. @throws RelaisError `peer_protocol`, `peer_unavailable`. */
export async function readInventory(fetch: Fetch, participant: Participant, accessToken: string): Promise<ToldOfAccount | null> {
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
  return { inventory: parsed.data.datasets, contract: contractOf(parsed.data.contract) };
}

/** Where telling could harm, not even the references of the others are kept. */
function contractOf(told: z.infer<typeof contract> | null): JointContract | null {
  if (told === null) return null;
  const { reference: name, party, parties, approval_rule: rule, safety } = told;
  const others = safety ? [] : [...new Set(parties)].filter((one) => one !== party);
  return { reference: name, party, others, rule, safety };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
