import { tokenChecking } from "../../core/consent/token-lifetime.ts";
import { allowedActs, type Profile, type Restrictions } from "../../core/register/profile.ts";
import type { Tongue } from "../tongue.ts";
import { viewOfAssessment } from "./assessment.ts";
import { viewOfRestriction } from "./conditions.ts";
import { viewOfFigures } from "./figures.ts";
import { viewOfParticipant } from "./view.ts";

/** The public page of a participant. */
export function viewOfProfile(tongue: Tongue, profile: Profile, now: Date) {
  const { participant, mark, organisation, assessment, indicators, restrictions } = profile;
  const { t, country } = tongue;
  const { about, adapter, entityId, roles, id } = participant;
  const checking = tokenChecking(participant);
  const isWeb = (uri: string | undefined): string | null => (uri?.startsWith("https://") ? uri : null);
  return {
    ...viewOfParticipant(tongue, { participant, mark }, now),
    organisation: organisation && t("profile.organisationIn", { name: organisation.name, country: country(organisation.country) }),
    securityUri: adapter === "self-data" ? isWeb(`${entityId}/.well-known/security.txt`) : null,
    incidentsUri: isWeb(about.incidentsUri),
    stops: checking && t(`tokens.${checking.format}`, { seconds: checking.lagSeconds }),
    acts: allowedActs(profile).map(({ act, isAllowed }) => ({ text: t(`profile.act.${act}`), isAllowed })),
    isSynthetic: mark?.level === 0 && profile.standing === "accredited",
    assessment: assessment && viewOfAssessment(tongue, assessment),
    figures: viewOfFigures(tongue, participant, indicators),
    restrictedBy: roles.includes("platform") ? restrictionsOf(tongue, restrictions) : null,
    compareHref: roles.includes("platform") ? `/${tongue.lang}/register/compare?a=${id}` : null,
    profileHref: `/v1/participants/${id}/profile`,
  };
}

function restrictionsOf(tongue: Tongue, { stated, holders }: Restrictions) {
  return stated.flatMap((one) => {
    const holder = holders.get(one.holderId);
    return holder ? [viewOfRestriction(tongue, holder, one)] : [];
  });
}
