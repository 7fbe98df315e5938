import { errors, type Provider, type TokenEndpointGrantContext } from "oidc-provider";
import validateDpop, { checkDpopReplay } from "oidc-provider/lib/helpers/validate_dpop.js";
import { isDataSetId } from "../core/catalogue/data-set.ts";
import { isId } from "../core/ids.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { Participant } from "../core/register/participant.ts";
import { TOKEN_SECONDS } from "./consent-grant.ts";
import { DETAIL_TYPE, PROBE_GRANT } from "./names.ts";

interface Ports {
  store: Store;
  clock: Clock;
  issuer: string;
}
type Asked = { run?: string; datasets?: string; actions?: string };
type Context = TokenEndpointGrantContext<Asked>;

/**
 * The worker's tokens for a participant's test account, while one look at this participant runs and no longer. Nobody's data is in reach: the
 * account is the one that the participant publishes for this purpose.
 */
export function registerProbeGrant(provider: Provider, ports: Ports): void {
  provider.registerGrantType<Asked>(PROBE_GRANT, (ctx) => issueToken(provider, ports, ctx), ["run", "resource", "datasets", "actions"]);
}

async function issueToken(provider: Provider, ports: Ports, ctx: Context): Promise<void> {
  const { client, params } = ctx.oidc;
  if (client.clientId !== `${ports.issuer}/worker`) throw new errors.UnauthorizedClient("this grant is for the worker of Relais");
  const proof = await validateDpop(provider, ctx);
  if (proof === undefined) throw new errors.InvalidDpopProof("a DPoP proof is needed");
  const look = await readLook(ports, params.run);
  if (look === null) throw new errors.InvalidGrant("no look of this name runs");
  if (params.resource !== look.participant.entityId) throw new errors.InvalidTarget("resource must be the participant that is looked at");
  await checkDpopReplay(provider, ctx, proof, client.clientId);
  const token = new provider.AccessToken({
    client,
    gty: PROBE_GRANT,
    expiresIn: TOKEN_SECONDS,
    rar: [detailOf(look, params)],
  } as unknown as ConstructorParameters<typeof provider.AccessToken>[0]);
  token.setAudience(look.participant.entityId);
  token.setThumbprint("jkt", proof.thumbprint);
  ctx.body = { access_token: await token.save(), token_type: "DPoP", expires_in: TOKEN_SECONDS };
}

export interface Look {
  runId: string;
  participant: Participant;
  testAccount: string;
}

/** The look that runs under this id now; null where none does, or the participant published no test account. */
export function readLook({ store, clock }: Pick<Ports, "store" | "clock">, runId: unknown): Promise<Look | null> {
  return store.read(async (r) => {
    if (!isId("probeRun", runId)) return null;
    const run = await r.accreditations.getRun(runId);
    const participant = await r.participants.get(run.participantId);
    const { testAccount } = participant.about;
    const runs = run.endedAt === null && run.leaseUntil !== null && run.leaseUntil > clock.now();
    return runs && testAccount !== undefined ? { runId, participant, testAccount } : null;
  });
}

const ACTIONS = ["copy", "erase"];

function detailOf({ runId, participant }: Look, { datasets = "", actions = "copy" }: Asked) {
  const list = datasets.split(" ").filter(isDataSetId);
  return {
    type: DETAIL_TYPE,
    actions: actions.split(" ").filter((action) => ACTIONS.includes(action)),
    locations: [participant.entityId],
    datasets: list,
    destination: participant.entityId,
    probe: runId,
  };
}
