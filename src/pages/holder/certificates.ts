import type { CertificateClaim } from "../../core/certificates/claim.ts";
import { certificateFile, handInCertificate, takeBackCertificate } from "../../core/certificates/hand-in-certificate.ts";
import { readCertificate, reasonsOf } from "../../core/certificates/read-certificate.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { CERTIFICATES } from "../../core/policy/certificates.ts";
import type { Reader } from "../../core/ports.ts";
import { memberOf, staffOf } from "../accreditation/caller.ts";
import { evidenceFile } from "../accreditation/participant.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { toldAs } from "./change.ts";

const MOST = 100;

const STATE_TAGS = {
  handed_in: "govuk-tag--blue",
  accepted: "govuk-tag--green",
  refused: "govuk-tag--red",
  taken_back: "govuk-tag--grey",
} as const satisfies Record<CertificateClaim["state"], string>;

const midday = (day: string): Date => new Date(`${day}T12:00:00Z`);

export async function rowOfClaim(r: Reader, tongue: Tongue, claim: CertificateClaim) {
  const { t, lang, date, bytes } = tongue;
  const readings = await r.certificates.readings(claim.id);
  return {
    id: claim.id,
    title: CERTIFICATES[claim.certificate][lang],
    platform: (await r.participants.get(claim.platformId)).name,
    issuer: claim.issuer,
    date: date(midday(claim.date)),
    until: date(midday(claim.validUntil)),
    file: claim.fileName,
    size: bytes(claim.bytes),
    sha256: claim.sha256,
    at: date(claim.handedInAt),
    isOpen: claim.state === "handed_in",
    tag: { text: t(`certificates.state.${claim.state}`), classes: STATE_TAGS[claim.state] },
    reasons: reasonsOf(readings, claim.state)?.[lang] ?? null,
    readings: readings.map(({ reader, verdict, reasons }) => ({
      who: reader,
      what: t(`certificates.verdict.${verdict}`),
      reasons: reasons[lang],
    })),
  };
}

/** A platform's certificates: those that count, those that it handed in, and the form for another one. */
export async function showCertificates(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, form } = visit;
  const { participantId, name } = await memberOf(ports, visit);
  const { rows, standing } = await ports.store.read(async (r) => ({
    rows: await Promise.all((await r.certificates.listOf(participantId, MOST)).map((claim) => rowOfClaim(r, tongue, claim))),
    standing: await r.conditions.certificatesOf([participantId], ports.clock.now()),
  }));
  const model = {
    id: participantId,
    name,
    rows,
    standing: standing.map(({ certificate, validUntil }) =>
      tongue.t("certificates.line", { title: CERTIFICATES[certificate][tongue.lang], date: tongue.date(midday(validUntil)) }),
    ),
    kinds: Object.entries(CERTIFICATES).map(([value, title]) => ({
      value,
      text: title[tongue.lang],
      isChosen: value === form.one("certificate"),
    })),
    given: { issuer: form.one("issuer"), date: form.one("date"), validUntil: form.one("validUntil") },
    errors,
  };
  return {
    kind: "page",
    template: "platform-certificates",
    title: tongue.t("certificates.title"),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

/** The file comes by a form of several parts (`pages.ts` reads it, at most 10 MiB). */
export async function uploadCertificate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  const { form, file, tongue } = visit;
  try {
    if (file === null) throw new RelaisError("invalid", tongue.t("certificates.error.file"));
    await handInCertificate(ports, caller, {
      certificate: form.one("certificate"),
      issuer: form.one("issuer"),
      date: form.one("date"),
      validUntil: form.one("validUntil"),
      fileName: file.name,
      sha256: null,
      content: file.content,
    });
    return home(visit, caller.participantId);
  } catch (error) {
    return showCertificates(ports, visit, [toldAs(visit, error, "file")]);
  }
}

function home(visit: PersonVisit, id: string): Answer {
  return { kind: "redirect", to: pathOf(visit, `/organisation/${id}/certificates`) };
}

export async function dropCertificate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  try {
    await takeBackCertificate(ports, caller, asId("certificate", visit.params["certificate"]));
    return home(visit, caller.participantId);
  } catch (error) {
    return showCertificates(ports, visit, [toldAs(visit, error, "file")]);
  }
}

export async function downloadCertificate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return evidenceFile(await certificateFile(ports, await memberOf(ports, visit), asId("certificate", visit.params["certificate"])));
}

/** For accreditors, and for the authority to look at. */
export async function certificatePage(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, form } = visit;
  const caller = await staffOf(ports, visit);
  const id = asId("certificate", visit.params["certificate"]);
  const claim = await ports.store.read(async (r) => rowOfClaim(r, tongue, await r.certificates.get(id)));
  const model = {
    claim,
    isReadOnly: caller.kind !== "accreditor",
    given: { reasonFr: form.one("reasonFr"), reasonEn: form.one("reasonEn") },
    errors,
  };
  return {
    kind: "page",
    template: "review-certificate",
    title: tongue.t("certificates.read", { title: claim.title, name: claim.platform }),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

export async function staffCertificate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return evidenceFile(await certificateFile(ports, await staffOf(ports, visit), asId("certificate", visit.params["certificate"])));
}

export async function decideCertificate(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  const { form, tongue } = visit;
  const id = asId("certificate", visit.params["certificate"]);
  try {
    const verdict = (["accept", "refuse"] as const).find((known) => known === form.one("verdict"));
    const reasons = { fr: form.one("reasonFr"), en: form.one("reasonEn") };
    if (verdict === undefined) throw new RelaisError("invalid", tongue.t("review.error.verdict"));
    if (reasons.fr === "" || reasons.en === "") throw new RelaisError("invalid", tongue.t("review.error.reasons"));
    await readCertificate(ports, caller, { claimId: id, verdict, withoutConflict: form.one("withoutConflict") === "yes", reasons });
    return { kind: "redirect", to: pathOf(visit, `/accreditation/certificates/${id}`) };
  } catch (error) {
    return certificatePage(ports, visit, [toldAs(visit, error, "verdict")]);
  }
}
