import { LogFault } from "../ledger/fault.ts";
import { ENTRY_KINDS } from "../ledger/ledger.ts";
import { formatKey, type NoteKey, type VerifyEd25519 } from "../ledger/note.ts";
import { openProof, parseProof, type ProvedEntry } from "../ledger/proof-file.ts";
import { isId } from "../ids.ts";
import type { Clock, Reader, Store } from "../ports.ts";
import { standingOf } from "../register/standing.ts";
import { partyOf } from "./party.ts";
import type { Finding, ProofDetails, Verdict } from "./verdict.ts";

export interface ProofPorts {
  store: Store;
  clock: Clock;
  logKey: NoteKey;
  verifyEd25519: VerifyEd25519;
}

const BEGINNING = "c2sp.org/tlog-proof@";

export function isProof(text: string): boolean {
  return text.startsWith(BEGINNING);
}

/** A proof file of the public log: the entry, and whether our log still has it at this place. */
export async function verifyLogProof(ports: ProofPorts, text: string): Promise<Verdict> {
  const { logKey, verifyEd25519, clock } = ports;
  try {
    const proved = openProof(text, null, logKey, verifyEd25519);
    return await ports.store.read((r) => provedVerdict(r, proved, verdictOf(logKey, "holds"), clock.now()));
  } catch (error) {
    if (!(error instanceof LogFault)) throw error;
    return {
      ...verdictOf(logKey, findingOf(text, error, logKey)),
      checks: error.kind === "malformed" ? [] : [{ check: "in_log", holds: false }],
    };
  }
}

function verdictOf(key: NoteKey, finding: Finding): Verdict {
  const command = `relais log verify --proof FILE --key '${formatKey(key)}'`;
  return { kind: "log_proof", finding, about: null, details: null, checks: [], unchecked: [], command };
}

/** A checkpoint says on its first line which log it is of. */
function findingOf(text: string, { kind }: LogFault, { name }: NoteKey): Finding {
  if (kind === "malformed") return "unreadable";
  return parseProof(text).checkpoint.split("\n", 1)[0] === name ? "forged" : "not_ours";
}

async function provedVerdict(r: Reader, { index, entry, checkpoint }: ProvedEntry, verdict: Verdict, now: Date): Promise<Verdict> {
  const [today] = await r.ledger.entries({ from: index, to: index + 1 });
  const says = membersOf(entry);
  const subject = [says["participant"], says["holder"]].find((one) => typeof one === "string");
  const about = subject === undefined ? null : await partyOf(r, subject);
  const details: ProofDetails = {
    log: checkpoint.origin,
    index,
    entry: ENTRY_KINDS.find((kind) => kind === says["kind"]) ?? null,
    at: typeof says["at"] === "string" && !Number.isNaN(Date.parse(says["at"])) ? new Date(says["at"]) : null,
    decision: isId("decision", says["decision"]) ? says["decision"] : null,
    decided: typeof says["decided"] === "string" ? says["decided"] : null,
    standing: about?.known
      ? standingOf(await r.participants.get(about.known.id), await r.participants.findMark(about.known.id), now)
      : null,
  };
  const isSame = today?.equals(entry) ?? false;
  return {
    ...verdict,
    finding: isSame ? "holds" : "contradicted",
    about,
    details,
    checks: [
      { check: "in_log", holds: true },
      { check: "log_today", holds: isSame },
    ],
    unchecked: ["one_history", "rightness"],
  };
}

function membersOf(entry: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(entry.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
