import type { Affected, Claim, Effect, Matrix, Meeting, Restriction, Review, Row, Said } from "./holder-answers.ts";

const because = (reason: { en: string } | null): string => (reason ? ` because: ${reason.en}` : "");

export function describeEffect({ dry_run, paused, resumed, version, shut_out, let_in }: Effect): string {
  const head = dry_run ? "This would" : "Done: this did";
  return [
    `${head} pause ${paused} and resume ${resumed} transfers.`,
    ...listed("Accredited platforms that would get less:", shut_out ?? []),
    ...listed("Accredited platforms that would get more:", let_in ?? []),
    ...(dry_run ? ["Nothing was changed."] : []),
    `Version ${version}`,
  ].join("\n");
}

function listed(title: string, affected: Affected[]): string[] {
  if (affected.length === 0) return [];
  const lines = affected.map(
    ({ platform, name, datasets, reasons }) =>
      `  ${platform}  ${name}: ${datasets.join(", ")}${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}`,
  );
  return [title, ...lines];
}

export function describeSaid({ conditions, exclusions, access }: Said): string {
  const lines = [
    ...conditions.map((one) => {
      const more = [
        ...(one.regions.length > 0 ? [`hosting in ${one.regions.join(", ")}`] : []),
        ...(one.certificates.length > 0 ? [`certificates ${one.certificates.join(", ")}`] : []),
      ];
      return `${one.dataset}: ${[`level ${one.minimum_level}`, ...more].join("; ")}${because(one.reason)} (log ${one.log_index})`;
    }),
    ...exclusions.map((one) => `${one.platform} excluded from ${one.dataset}${because(one.reason)} (log ${one.log_index})`),
    ...access.map((one) => `${one.platform} ${one.state}${because(one.reason)} (log ${one.log_index})`),
  ];
  return lines.length === 0 ? "Nothing more than the register asks for." : lines.join("\n");
}

export function describeMatrix({ platforms, version }: Matrix): string {
  if (platforms.length === 0) return "No platform is in the register under this name.";
  return [...platforms.map(lineOf), `Version ${version}`].join("\n");
}

function lineOf({ platform, name, standing, level, state, refused }: Row): string {
  const reasons = [...new Set(refused.flatMap((one) => one.reasons))];
  const outcome =
    reasons.length === 0
      ? "receives everything"
      : `does not receive ${refused.map((one) => one.dataset).join(", ")}: ${reasons.join(", ")}`;
  return `${platform}  ${state.padEnd(13)} ${standing.padEnd(10)} level ${level ?? "-"}  ${name}: ${outcome}`;
}

export function describeRow(row: Row & { meetings?: Meeting[] }): string {
  const { exclusions, certificates, criteria = [], evidence = [], meetings = [], charter } = row;
  const met = criteria.filter(({ outcome }) => outcome === "met").length;
  return [
    lineOf(row),
    ...(row.reason ? [`Your reason: ${row.reason.en}`] : []),
    ...(row.test_accounts > 0 ? [`Test accounts: ${row.test_accounts}`] : []),
    ...exclusions.map((one) => `Excluded from ${one.dataset}${because(one.reason)}`),
    ...(charter ? [`Charter ${charter}: ${met} of ${criteria.length} criteria met`] : ["No accreditation by an application."]),
    ...criteria.filter(({ outcome }) => outcome !== "met").map(({ criterion, outcome }) => `  ${criterion}: ${outcome}`),
    ...evidence.map((one) => `Read and accepted: ${one.kind}, by ${one.issuer}, of ${one.date}`),
    ...certificates.map((one) => `Certificate ${one.certificate} until ${one.valid_until}`),
    ...(meetings.length > 0 ? ["Requests:", describeMeetings(meetings)] : []),
  ].join("\n");
}

export function describeReviews(reviews: Review[]): string {
  if (reviews.length === 0) return "Nothing is recorded.";
  return reviews
    .map(({ id, platform, date, decision, by, questions, conditions }) =>
      [
        `${id}  ${date}  ${platform}: ${decision}, by ${by}`,
        ...questions.map((line) => `  asked: ${line}`),
        ...conditions.map((line) => `  condition: ${line}`),
      ].join("\n"),
    )
    .join("\n");
}

export function describeMeetings(meetings: Meeting[]): string {
  if (meetings.length === 0) return "Nobody asked.";
  return meetings
    .map(({ id, holder_name, platform_name, message, asked_at, answered_at, state, reason }) => {
      const answer = answered_at === null ? "waits for an answer" : `${answered_at.slice(0, 10)}: ${state}${because(reason)}`;
      return `${id}  ${asked_at.slice(0, 10)}  ${platform_name} asks ${holder_name}\n  ${message}\n  ${answer}`;
    })
    .join("\n");
}

export function describeRestrictions(restrictions: Restriction[]): string {
  if (restrictions.length === 0) return "No platform is restricted.";
  return restrictions
    .map(
      ({ holder_name, platform_name, kind, dataset, reason, changed_at, log_index }) =>
        `${changed_at.slice(0, 10)}  ${holder_name}: ${platform_name} ${kind}${dataset === "*" ? "" : ` from ${dataset}`} (log ${log_index})\n  ${reason.en}`,
    )
    .join("\n");
}

export function describeClaims(claims: Claim[]): string {
  if (claims.length === 0) return "No certificate.";
  return claims
    .map(
      ({ id, platform_name, certificate, issuer, valid_until, state, readings, reasons }) =>
        `${id}  ${certificate}  ${platform_name}, by ${issuer}, until ${valid_until}: ${state}, read by ${readings}${because(reasons)}`,
    )
    .join("\n");
}
