import { decision } from "./accreditation/decision.ts";
import { decideOrganisation, organisationStanding } from "./accreditation/organisation-standing.ts";
import { confirmPublishedKeys } from "./accreditation/confirm-keys.ts";
import { keys } from "./accreditation/keys.ts";
import { preview } from "./accreditation/preview.ts";
import {
  askForChecks,
  beginApplication,
  downloadEvidence,
  dropEvidence,
  organisation,
  organisations,
  saveSection,
  showChecks,
  showEvidence,
  showInvitation,
  showSection,
  stepOf,
  takeInvitation,
  uploadEvidence,
  writeMessage,
} from "./accreditation/participant.ts";
import {
  answerApplicant,
  authorityPage,
  decideStanding,
  giveReview,
  queue,
  reviewPage,
  sendAgain,
  staffEvidence,
  standingPage,
} from "./accreditation/staff.ts";
import { accounts, proveAccount, showProof } from "./accounts/handlers.ts";
import { criterion } from "./charter/criterion.ts";
import { account } from "./me-account/account.ts";
import { signInAgain, type WayBack } from "./me-account/again.ts";
import { askDeletion, deletion } from "./me-account/delete.ts";
import { exportRecords } from "./me-account/export.ts";
import { dropPasskey, makeCodes, nameAnew, pageOfCodes, showCodes } from "./me-account/passkeys.ts";
import { endOther, endOthers } from "./me-account/sessions.ts";
import { askUnlink, unlink } from "./me-account/unlink.ts";
import { charter, charterDiff } from "./charter/handlers.ts";
import {
  certificatePage,
  decideCertificate,
  downloadCertificate,
  dropCertificate,
  showCertificates,
  staffCertificate,
  uploadCertificate,
} from "./holder/certificates.ts";
import { changeConditionsForm, showConditions } from "./holder/conditions.ts";
import { askHolder, showHolders } from "./holder/meetings.ts";
import { addReview, changePlatform, showPlatform, showPlatforms } from "./holder/platforms.ts";
import { answerShared, contracts, sharedConsent, showStopSharing, stopSharing } from "./journey/contracts.ts";
import { journey } from "./journey/journey.ts";
import { mandate, mandateFile } from "./journey/mandate.ts";
import { choosePropose, showPropose } from "./journey/propose.ts";
import { event } from "./life/events.ts";
import { markTold } from "./life/told.ts";
import { markEndRead } from "./home/ends.ts";
import { home, plainPage, me, showDeleted, showRecovery, signIn } from "./home/handlers.ts";
import { showTexts, writeTexts } from "./notices/handlers.ts";
import { proposeChange, showChange, showRenewal } from "./permissions/change.ts";
import { answerConsent, showConsent, showNotice } from "./permissions/decide.ts";
import { permissions } from "./permissions/dashboard.ts";
import { permission, showStop, stopPermission } from "./permissions/handlers.ts";
import { showStopAll, stopAll } from "./permissions/stop-all.ts";
import { startPermission } from "./permissions/start.ts";
import { explainTransfer, findTransfer, replayDead, showDeadLetters, showQueue } from "./operation/handlers.ts";
import { problem, problems } from "./problems.ts";
import { answerAsOperator, sendProblem, showProblem, showProblems } from "./reports/handlers.ts";
import { answerAsMember, showRequests } from "./requests/handlers.ts";
import { receipt, receiptFile } from "./receipts/handlers.ts";
import { compare } from "./register/compare.ts";
import { feed } from "./register/feed.ts";
import { participant } from "./register/handlers.ts";
import { register } from "./register/search.ts";
import {
  chooseSwitch,
  closeOld,
  confirmSwitch,
  planOfSwitch,
  retrySwitch,
  showClose,
  showSwitchChoice,
  switchPage,
} from "./switches/handlers.ts";
import { prove, showPermissionByMail, showProve, showStopByMail, showUnsubscribe, stopByMail, unsubscribeByMail } from "./mail/links.ts";
import { giveMail, myMail, remindMe, removeMail, testMail } from "./mail/own-address.ts";
import { chooseCopy, showCopy } from "./transfers/copy.ts";
import { cancel, showCancel, transfer, transferDocument, transferEvents, transfers } from "./transfers/handlers.ts";
import { showVerify, verify } from "./verify/handlers.ts";
import { type Handler, type PersonHandler } from "./visit.ts";

type Method = "get" | "post";
export type PersonRoute = [Method, string, PersonHandler];

/** Open to everybody. */
export const PUBLIC_ROUTES: [Method, string, Handler][] = [
  ["get", "/", home],
  ["get", "/register", register],
  ["get", "/register/compare", compare],
  ["get", "/register.atom", feed],
  ["get", "/register/:id", participant],
  ["get", "/decisions/:id", decision],
  ["get", "/events/:type", event],
  ["get", "/charter", charter],
  ["get", "/charter/diff", charterDiff],
  ["get", "/charter/:version", charter],
  ["get", "/charter/:version/:criterion", criterion],
  ["get", "/verify", showVerify],
  ["post", "/verify", verify],
  ["get", "/sign-in", signIn],
  ["get", "/sign-in/recovery", showRecovery],
  ["get", "/deleted", showDeleted],
  ["get", "/problems", problems],
  ["get", "/problems/:code", problem],
  // Where links in mails lead: for whoever holds the word in them.
  ["get", "/mail/prove/:token", showProve],
  ["post", "/mail/prove/:token", prove],
  ["get", "/mail/permission/:token", showPermissionByMail],
  ["get", "/mail/permission/:token/stop", showStopByMail],
  ["post", "/mail/permission/:token/stop", stopByMail],
  ["get", "/mail/unsubscribe/:token", showUnsubscribe],
  ["post", "/mail/unsubscribe/:token", unsubscribeByMail],
  ["get", "/accessibility", plainPage("accessibility")],
  ["get", "/legal", plainPage("legal")],
  ["get", "/understand", plainPage("understand")],
  ["get", "/privacy", plainPage("privacy")],
];

/** For a person who has signed in, about that person only. */
export const PERSON_ROUTES: PersonRoute[] = [
  ["get", "/me", me],
  ["post", "/me/notices/:id/read", markTold],
  ["get", "/sign-in/again", signInAgain],
  ["get", "/me/mail", myMail],
  ["post", "/me/mail/test", testMail],
  ["post", "/me/mail/reminders", remindMe],
  ["get", "/me/account", (ports, visit) => account(ports, visit)],
  ["post", "/me/account/passkeys/:id/name", nameAnew],
  ["post", "/me/account/passkeys/:id/remove", dropPasskey],
  ["post", "/me/account/sessions/end", endOthers],
  ["post", "/me/account/sessions/:id/end", endOther],
  ["get", "/me/account/links/:id/remove", askUnlink],
  ["post", "/me/account/links/:id/remove", unlink],
  ["get", "/me/copy", showCopy],
  ["post", "/me/copy", chooseCopy],
  ["get", "/me/journeys/:id", journey],
  ["get", "/me/propose", showPropose],
  ["post", "/me/propose", choosePropose],
  ["get", "/me/contracts", contracts],
  ["get", "/me/contracts/shared/:consent", sharedConsent],
  ["post", "/me/contracts/shared/:consent", answerShared],
  ["get", "/me/contracts/:link/stop", showStopSharing],
  ["post", "/me/contracts/:link/stop", stopSharing],
  ["get", "/accounts", accounts],
  ["get", "/accounts/:id", showProof],
  ["post", "/accounts/:id", proveAccount],
  ["get", "/permissions", permissions],
  ["get", "/permissions/stop", showStopAll],
  ["post", "/permissions/stop", stopAll],
  ["get", "/permissions/:id", permission],
  ["get", "/permissions/:id/decide", showConsent],
  ["post", "/permissions/:id/decide", answerConsent],
  ["post", "/permissions/:id/start", startPermission],
  ["get", "/permissions/:id/notice", showNotice],
  ["get", "/permissions/:id/problem", (ports, visit) => showProblem(ports, visit)],
  ["post", "/permissions/:id/problem", sendProblem],
  ["get", "/permissions/:id/change", showChange],
  ["post", "/permissions/:id/change", proposeChange],
  ["get", "/permissions/:id/renew", showRenewal],
  ["get", "/permissions/:id/stop", showStop],
  ["post", "/permissions/:id/stop", stopPermission],
  ["post", "/permissions/:id/end/read", markEndRead],
  ["get", "/permissions/:id/mandate", mandate],
  ["get", "/permissions/:id/mandate.txt", mandateFile],
  ["get", "/permissions/:id/receipts/:change", receipt],
  ["get", "/permissions/:id/receipts/:change/file", receiptFile],
  ["get", "/me/transfers", transfers],
  ["get", "/me/transfers/:id", transfer],
  ["get", "/me/transfers/:id/events", transferEvents],
  ["get", "/me/transfers/:id/manifest", transferDocument("manifest")],
  ["get", "/me/transfers/:id/receipt", transferDocument("receipt")],
  ["get", "/me/transfers/:id/cancel", showCancel],
  ["post", "/me/transfers/:id/cancel", cancel],
  ["get", "/me/switch", showSwitchChoice],
  ["post", "/me/switch", chooseSwitch],
  ["get", "/me/switch/plan", planOfSwitch],
  ["post", "/me/switch/plan", confirmSwitch],
  ["get", "/me/switch/:id", switchPage],
  ["post", "/me/switch/:id/retry", retrySwitch],
  ["get", "/me/switch/:id/close", showClose],
  ["post", "/me/switch/:id/close", closeOld],
];

const myMailPage = () => "/me/mail";
const accountPage = () => "/me/account?news=again";
const deletionPage = () => "/me/account/delete";

/**
 * What cannot be undone, or hands out everything: only for a person who signed in a short while ago (core/person/fresh-sign-in.ts). Others sign in
 * again, and come back to the page named last.
 */
export const FRESH_ROUTES: [Method, string, PersonHandler, WayBack][] = [
  ["post", "/me/mail", giveMail, myMailPage],
  ["post", "/me/mail/remove", removeMail, myMailPage],
  ["get", "/me/account/codes", showCodes, pageOfCodes],
  ["post", "/me/account/codes", makeCodes, pageOfCodes],
  ["get", "/me/account/export", exportRecords, accountPage],
  ["get", "/me/account/delete", askDeletion, deletionPage],
  ["post", "/me/account/delete", deletion, deletionPage],
];

/** For a person who acts for a participant: each handler looks whether they do. */
export const MEMBER_ROUTES: PersonRoute[] = [
  ["get", "/organisation", organisations],
  ["get", "/invitation", showInvitation],
  ["post", "/invitation", takeInvitation],
  ["get", "/organisation/:id", (ports, visit) => organisation(ports, visit)],
  ["post", "/organisation/:id/begin", beginApplication],
  ["get", "/organisation/:id/section/:section", (ports, visit) => showSection(ports, visit)],
  ["post", "/organisation/:id/section/:section", saveSection],
  ["post", "/organisation/:id/submit", stepOf("submit")],
  ["post", "/organisation/:id/withdraw", stepOf("withdraw")],
  ["post", "/organisation/:id/reopen", stepOf("reopen")],
  ["post", "/organisation/:id/messages", writeMessage],
  ["get", "/organisation/:id/evidence", (ports, visit) => showEvidence(ports, visit)],
  ["post", "/organisation/:id/evidence", uploadEvidence],
  ["get", "/organisation/:id/evidence/:evidence", downloadEvidence],
  ["post", "/organisation/:id/evidence/:evidence/remove", dropEvidence],
  ["get", "/organisation/:id/preview", preview],
  ["get", "/organisation/:id/keys", keys],
  ["get", "/organisation/:id/conditions", (ports, visit) => showConditions(ports, visit)],
  ["post", "/organisation/:id/conditions", changeConditionsForm],
  ["get", "/organisation/:id/platforms", showPlatforms],
  ["get", "/organisation/:id/platforms/:platform", (ports, visit) => showPlatform(ports, visit)],
  ["post", "/organisation/:id/platforms/:platform", changePlatform],
  ["post", "/organisation/:id/platforms/:platform/reviews", addReview],
  ["get", "/organisation/:id/holders", (ports, visit) => showHolders(ports, visit)],
  ["post", "/organisation/:id/holders", askHolder],
  ["get", "/organisation/:id/certificates", (ports, visit) => showCertificates(ports, visit)],
  ["post", "/organisation/:id/certificates", uploadCertificate],
  ["get", "/organisation/:id/certificates/:certificate", downloadCertificate],
  ["post", "/organisation/:id/certificates/:certificate/remove", dropCertificate],
  ["get", "/organisation/:id/requests", (ports, visit) => showRequests(ports, visit)],
  ["post", "/organisation/:id/requests/problems/:problem", answerAsMember],
  ["get", "/organisation/:id/checks", showChecks],
  ["post", "/organisation/:id/checks", askForChecks],
];

/** For somebody with an office: each handler looks whether they have it. */
export const STAFF_ROUTES: PersonRoute[] = [
  ["get", "/accreditation", queue],
  ["get", "/accreditation/applications/:id", (ports, visit) => reviewPage(ports, visit)],
  ["post", "/accreditation/applications/:id/review", giveReview],
  ["post", "/accreditation/applications/:id/messages", answerApplicant],
  ["get", "/accreditation/evidence/:id", staffEvidence],
  ["get", "/accreditation/certificates/:certificate", (ports, visit) => certificatePage(ports, visit)],
  ["post", "/accreditation/certificates/:certificate", decideCertificate],
  ["get", "/accreditation/certificates/:certificate/file", staffCertificate],
  ["get", "/accreditation/participants/:id", (ports, visit) => standingPage(ports, visit)],
  ["post", "/accreditation/participants/:id", decideStanding],
  ["get", "/accreditation/organisations/:id", (ports, visit) => organisationStanding(ports, visit)],
  ["post", "/accreditation/organisations/:id", decideOrganisation],
  ["post", "/accreditation/participants/:id/keys", confirmPublishedKeys],
  ["post", "/accreditation/participants/:id/notices/:notice", sendAgain],
  ["get", "/authority", authorityPage],
  ["get", "/operator/notices", showTexts],
  ["post", "/operator/notices", writeTexts],
  ["get", "/operator/problems", (ports, visit) => showProblems(ports, visit)],
  ["post", "/operator/problems/:problem", answerAsOperator],
  ["get", "/operator/queue", (ports, visit) => showQueue(ports, visit)],
  ["get", "/operator/transfers", findTransfer],
  ["get", "/operator/transfers/:id", explainTransfer],
  ["get", "/operator/dead-letters", (ports, visit) => showDeadLetters(ports, visit)],
  ["post", "/operator/dead-letters", replayDead],
];
