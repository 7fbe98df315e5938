import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Router } from "express";
import { derived } from "../accounts/accounts.ts";
import type { Library } from "../export/library.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import type { Relais } from "../peer/relais.ts";
import { nonceRule, withInboxFaults } from "../platform/faults.ts";
import { inboxRoutes } from "../platform/inbox.ts";
import { signatureGuard } from "../platform/signatures.ts";
import { withAccepted } from "./accepted-library.ts";
import { proposalAdmin } from "./proposal-admin.ts";
import { openProposalFile } from "./proposal-file.ts";
import { proposalIntake } from "./proposal-intake.ts";
import { openProposals, type Proposals } from "./proposals.ts";

export interface ProposalSide extends Disposable {
  proposals: Proposals;
  /** What the holder gives back: its own values, and those that it took over. */
  library: Library;
  inbox: Router;
  admin: Router;
}

interface Settings {
  holder: string;
  name: string;
  folder: string;
  seed: string;
  entityId: string;
  library: Library;
  hasAccount: (account: string) => boolean;
  relais: Relais;
  key: OwnKey;
  /** What its inbox does wrong on purpose. */
  faults: readonly string[];
}

/** Who decides on proposals at a reference holder signs in with this; the sandbox's home page shows it. */
export function adminPassword(seed: string, holder: string): string {
  return `admin-${derived(seed, "admin", holder).slice(0, 8)}`;
}

/** The side of a holder that takes proposals (docs/self-data-transfer.md, "Proposals"). */
export async function openProposalSide({ holder, name, folder, seed, library: own, faults, ...settings }: Settings): Promise<ProposalSide> {
  await mkdir(folder, { recursive: true });
  const index = openProposalFile(join(folder, "proposals.sqlite"));
  const proposals = openProposals(index);
  const library = withAccepted(proposals, own);
  const { entityId, relais, key } = settings;
  const guard = signatureGuard({ entityId, relais, useNonce: nonceRule(faults, proposals.useNonce) });
  const side = withInboxFaults(faults, { guard, intake: proposalIntake({ ...settings, proposals, library }) }, key);
  return {
    proposals,
    library,
    inbox: inboxRoutes({ inbox: `${entityId}/inbox`, ...side }),
    admin: proposalAdmin({ name, entityId, password: adminPassword(seed, holder), proposals, library }),
    [Symbol.dispose]: () => index.close(),
  };
}
