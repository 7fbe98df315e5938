import type { Reader, Store, Writer } from "../core/ports.ts";
import { readAccount, writeAccount } from "./account.ts";
import { writeAccreditations } from "./accreditation-changes.ts";
import { readAccreditations } from "./accreditations.ts";
import { readChanges, writeChanges } from "./consent-changes.ts";
import { writeConsents, readConsents } from "./consents.ts";
import { readCampaigns, writeCampaigns } from "./campaigns.ts";
import { readCertificates, writeCertificates } from "./certificates.ts";
import { readConditions, writeConditions } from "./conditions.ts";
import { readDispatch } from "./dispatch.ts";
import { writeDispatch } from "./dispatch-changes.ts";
import { readEntities, writeEntities } from "./entities.ts";
import { writeAnswers } from "./given-answers.ts";
import { readIncrements, writeIncrements } from "./increments.ts";
import { readIndicators } from "./indicators.ts";
import { readLedger, writeLedger } from "./ledger.ts";
import { readJourneys, writeJourneys } from "./journeys.ts";
import { readProblems, writeProblems } from "./problem-reports.ts";
import { writeOfficeMails } from "./office-mails.ts";
import { readNoticeTexts, writeNoticeTexts } from "./notice-texts.ts";
import { readMeetings, writeMeetings } from "./meetings.ts";
import { writeLogbook } from "./logbook.ts";
import { readMailbox, writeMailbox } from "./mailbox.ts";
import { readMails, writeMails } from "./mails.ts";
import { readOperation } from "./operation.ts";
import { readOutbox, writeOutbox } from "./outbox.ts";
import { readParticipants, writeParticipants } from "./participants.ts";
import { readParties, writeParties } from "./parties.ts";
import { readParticipations, writeParticipations } from "./participations.ts";
import { readPeople, writePeople } from "./people.ts";
import { readPersonNotices, writePersonNotices } from "./person-notices.ts";
import type { Database } from "./pool.ts";
import { readRetention, writeRetention } from "./retention.ts";
import { readRegistered } from "./registered.ts";
import { readRhythms, writeRhythms } from "./rhythms.ts";
import { readReminders, writeReminders } from "./reminders.ts";
import { isCollision, translate } from "./store-errors.ts";
import { readSubordinates } from "./subordinates.ts";
import { readSwitches, writeSwitches } from "./switches.ts";
import { readTransfers } from "./transfers.ts";
import { writeTransfers } from "./transfer-changes.ts";

/** How often a write that collided with another one (serialization, deadlock) is run again before it is given up. */
const TRIES = 5;

export function createStore(db: Database): Store {
  return {
    read: (work) =>
      db
        .transaction()
        .setIsolationLevel("repeatable read")
        .setAccessMode("read only")
        .execute((tx) => work(readerOf(tx)))
        .catch(translate),
    write: (work) => writeWithRetry(db, work),
    rehearse: (work) => rehearse(db, work),
  };
}

async function writeWithRetry<T>(db: Database, work: (writer: Writer) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute((tx) => work(writerOf(tx)));
    } catch (error) {
      if (attempt >= TRIES || !isCollision(error)) return translate(error);
    }
  }
}

/** Carries what a rehearsal found out of the transaction that it takes back. */
class TakenBack<T> extends Error {
  readonly found: T;

  constructor(found: T) {
    super("a rehearsal is over");
    this.found = found;
  }
}

/** Places in the public log are only looked at: whoever rehearses keeps nobody waiting who really decides. */
async function rehearse<T>(db: Database, work: (writer: Writer) => Promise<T>): Promise<T> {
  const rehearsing = db.transaction().execute(async (tx): Promise<T> => {
    const writer = writerOf(tx);
    throw new TakenBack(
      await work({ ...writer, log: { ...writer.log, append: () => writer.ledger.size(), appendAll: () => writer.ledger.size() } }),
    );
  });
  return rehearsing.catch((error: unknown) => (error instanceof TakenBack ? (error.found as T) : translate(error)));
}

function readerOf(tx: Database): Reader {
  return {
    participants: readParticipants(tx),
    people: readPeople(tx),
    account: readAccount(tx),
    consents: readConsents(tx),
    problems: readProblems(tx),
    changes: readChanges(tx),
    noticeTexts: readNoticeTexts(tx),
    transfers: readTransfers(tx),
    switches: readSwitches(tx),
    registered: readRegistered(tx),
    accreditations: readAccreditations(tx),
    entities: readEntities(tx),
    subordinates: readSubordinates(tx),
    ledger: readLedger(tx),
    outbox: readOutbox(tx),
    conditions: readConditions(tx),
    indicators: readIndicators(tx),
    meetings: readMeetings(tx),
    certificates: readCertificates(tx),
    reminders: readReminders(tx),
    personNotices: readPersonNotices(tx),
    mail: readMails(tx),
    participations: readParticipations(tx),
    parties: readParties(tx),
    journeys: readJourneys(tx),
    operation: readOperation(tx),
    retained: readRetention(tx),
    rhythms: readRhythms(tx),
    increments: readIncrements(tx),
    campaigns: readCampaigns(tx),
    dispatch: readDispatch(tx),
    mailbox: readMailbox(tx),
  };
}

function writerOf(tx: Database): Writer {
  return {
    ...readerOf(tx),
    register: writeParticipants(tx),
    accounts: writePeople(tx),
    belongings: writeAccount(tx),
    permissions: writeConsents(tx),
    sealing: writeChanges(tx),
    deliveries: writeTransfers(tx),
    moves: writeSwitches(tx),
    cases: writeAccreditations(tx),
    configurations: writeEntities(tx),
    log: writeLedger(tx),
    notices: writeOutbox(tx),
    rules: writeConditions(tx),
    asking: writeMeetings(tx),
    claims: writeCertificates(tx),
    reminding: writeReminders(tx),
    announcements: writePersonNotices(tx),
    mailing: writeMails(tx),
    offices: writeOfficeMails(tx),
    logbook: writeLogbook(tx),
    standings: writeParticipations(tx),
    parties: { ...readParties(tx), ...writeParties(tx) },
    routes: writeJourneys(tx),
    wording: writeNoticeTexts(tx),
    complaints: writeProblems(tx),
    rhythms: writeRhythms(tx),
    increments: writeIncrements(tx),
    campaigns: writeCampaigns(tx),
    answers: writeAnswers(tx),
    retention: writeRetention(tx),
    dispatch: { ...readDispatch(tx), ...writeDispatch(tx) },
    keeping: writeMailbox(tx),
  };
}
