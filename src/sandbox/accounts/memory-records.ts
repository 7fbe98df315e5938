import { type Adapter, type AdapterPayload, errors } from "oidc-provider";

const MOST_RECORDS = 20_000;

interface Kept {
  payload: AdapterPayload;
  until: number;
}

/** What a provider of the sandbox remembers until it stops. Each call is one step, so that of parallel calls exactly one consumes a code. */
export function memoryRecords(): (model: string) => Adapter {
  const models = new Map<string, Map<string, Kept>>();
  return (model) => {
    const records = models.get(model) ?? new Map<string, Kept>();
    models.set(model, records);
    const live = (kept: Kept | undefined): AdapterPayload | undefined => (kept && kept.until > Date.now() ? kept.payload : undefined);
    const findBy = (member: "uid" | "userCode", value: string) =>
      live([...records.values()].find((kept) => kept.payload[member] === value));
    return {
      find: async (id) => live(records.get(id)),
      findByUid: async (uid) => findBy("uid", uid),
      findByUserCode: async (code) => findBy("userCode", code),
      upsert: async (id, payload, expiresIn) => {
        if (model === "ReplayDetection" && live(records.get(id))) throw new errors.InvalidGrant("used before");
        if (records.size >= MOST_RECORDS) forgetOldest(records);
        records.set(id, { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
      },
      consume: async (id) => {
        const payload = live(records.get(id));
        if (!payload || payload.consumed) throw new errors.InvalidGrant("used before");
        payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void records.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, kept] of records) if (kept.payload.grantId === grantId) records.delete(id);
      },
    };
  };
}

function forgetOldest(records: Map<string, Kept>): void {
  for (const [id, kept] of records) if (kept.until < Date.now()) records.delete(id);
  while (records.size >= MOST_RECORDS) records.delete(records.keys().next().value as string);
}
