import type { PersonId } from "../core/ids.ts";
import type { Standings } from "../core/consent/standings.ts";
import type { PackageFiles } from "../core/mailbox/mailbox.ts";
import type { CallerTokens, EntityConfigurations, Ports, Verifier } from "../core/ports.ts";
import type { Charters } from "../core/register/charter.ts";
import type { Staff } from "../core/register/staff.ts";
import type { DocumentCheck } from "../core/verification/verify-document.ts";
import type { MarkingPorts, StatementSigner } from "../core/register/trust-mark.ts";

/** What the API needs to hand out what waits for platforms without an address. */
interface MailboxDesk {
  files: Pick<PackageFiles, "read">;
  verifier: Verifier;
}

/** What the API needs of the system. */
export type RoutePorts = Pick<Ports, "store" | "queue" | "clock" | "policy" | "issuer"> & {
  callers: CallerTokens;
  standings: Standings;
  charters: Charters;
  staff: Pick<Staff, "findName">;
  entityConfigurations: EntityConfigurations;
  /** Signs trust marks. */
  statements: StatementSigner;
  /** What a document that somebody hands in is worth. */
  verify: DocumentCheck;
  delegationOf?: NonNullable<MarkingPorts["delegationOf"]>;
  /** The name of a person for one participant: two cannot compare theirs. */
  subjectFor: (entityId: string, personId: PersonId) => string;
  /** Signs what participants fetch by polling, with a key of `/.well-known/jwks.json`. */
  events: StatementSigner;
  /** Left out where nothing is kept for them. */
  desk?: MailboxDesk | undefined;
};
