import { errors, type Adapter, type AdapterFactory, type AdapterPayload, type ClientMetadata } from "oidc-provider";
import type { FoundOauthRecord, OauthRecords } from "../core/ports.ts";

const REPLAY = "ReplayDetection";
/** Their `jti` is the secret itself: it is left out of what is stored, and put back when the secret is shown again. */
const BEARER_MODELS = new Set(["AccessToken", "AuthorizationCode", "RefreshToken", "PushedAuthorizationRequest"]);

/**
 * Storage of oidc-provider. The library looks and then writes; what must happen once is therefore decided here, by one
 * conditional statement of the store: a proof or an assertion is inserted once, a code or a pushed request is consumed once, an
 * interaction is answered once.
 */
export function recordsAdapter(
  records: OauthRecords,
  findClient: (clientId: string) => Promise<ClientMetadata | undefined>,
): AdapterFactory {
  const findToken = tokenFinder(records);
  return (model) => {
    if (model === "Client") return clientAdapter(findClient);
    const adapter = modelAdapter(records, model);
    return TOKENS.includes(model) ? { ...adapter, find: async (id) => restored(await findToken(model, id), id) } : adapter;
  };
}

const TOKENS = ["AccessToken", "ClientCredentials", "RefreshToken"];

/** The library looks for a token in three models at the same moment: that is one question. One that comes later is another. */
function tokenFinder(records: OauthRecords): (model: string, id: string) => Promise<FoundOauthRecord | null> {
  const asking = new Map<string, ReturnType<OauthRecords["findAmong"]>>();
  return async (model, id) => {
    const question = asking.get(id) ?? records.findAmong(TOKENS, id);
    if (!asking.has(id)) {
      asking.set(id, question);
      setImmediate(() => asking.delete(id));
    }
    const found = await question;
    return found?.model === model ? found : null;
  };
}

function modelAdapter(records: OauthRecords, model: string): Adapter {
  return {
    upsert: (id, payload, expiresIn) => upsert(records, model, id, payload, expiresIn),
    find: async (id) => restored(await records.find(model, id), id),
    findByUid: async (uid) => restored(await records.findByUid(model, uid)),
    findByUserCode: async () => undefined,
    consume: async (id) => {
      if (!(await records.consume(model, id))) throw new errors.InvalidGrant("this was used before");
    },
    destroy: (id) => destroy(records, model, id),
    revokeByGrantId: (grantId) => records.removeByGrant(grantId),
  };
}

/** An interaction ends when its answer is taken: whoever comes second with the same answer finds nothing to answer. */
async function destroy(records: OauthRecords, model: string, id: string): Promise<void> {
  const removed = await records.remove(model, id);
  if (model === "Interaction" && !removed) throw new errors.SessionNotFound("this was answered before");
}

const NO_EXPIRY_SECONDS = 24 * 3600;

async function upsert(
  records: OauthRecords,
  model: string,
  id: string,
  payload: AdapterPayload,
  expiresIn = NO_EXPIRY_SECONDS,
): Promise<void> {
  const { jti, ...rest } = payload;
  const kept = BEARER_MODELS.has(model) ? rest : payload;
  const grantId = model === "Grant" ? jti : payload.grantId;
  const record = { model, id, payload: kept, grantId, uid: payload.uid, expiresAt: new Date(Date.now() + expiresIn * 1000) };
  if (model !== REPLAY) return records.put(record);
  if (!(await records.insertOnce(record))) throw new errors.InvalidGrant("this proof was used before");
}

function restored(found: FoundOauthRecord | null, id?: string): AdapterPayload | undefined {
  if (found === null) return undefined;
  const consumed = found.consumedAt === null ? {} : { consumed: Math.floor(found.consumedAt.getTime() / 1000) };
  return { ...(id === undefined ? {} : { jti: id }), ...found.payload, ...consumed };
}

/** Clients are participants: the register is where they are added and changed. */
function clientAdapter(findClient: (clientId: string) => Promise<ClientMetadata | undefined>): Adapter {
  const readOnly = async () => {
    throw new Error("clients come from the register");
  };
  const none = async () => undefined;
  return {
    find: findClient,
    findByUid: none,
    findByUserCode: none,
    upsert: readOnly,
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  };
}
