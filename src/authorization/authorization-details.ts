import { errors } from "oidc-provider";
import { z } from "zod";
import { isDataSetId } from "../core/catalogue/data-set.ts";
import { PURPOSES } from "../core/consent/consent.ts";
import type { Clock, Store } from "../core/ports.ts";
import { isAccredited, type Participant } from "../core/register/participant.ts";
import { DETAIL_TYPE } from "./names.ts";

const duration = z
  .string()
  .regex(/^P(?!$)(\d{1,3}Y)?(\d{1,3}M)?(\d{1,3}W)?(\d{1,4}D)?$/, "is not an ISO 8601 duration in years, months, weeks or days");

/** A member that is not listed is refused: nobody consents to what was not understood. */
const detail = z.strictObject({
  type: z.literal(DETAIL_TYPE),
  actions: z.tuple([z.enum(["copy", "erase"])]),
  locations: z.tuple([z.url({ protocol: /^https?$/ })]),
  datasets: z.array(z.string().refine(isDataSetId, "is not the id of a data set")).max(100).default([]),
  purpose: z.enum(PURPOSES.map((purpose) => purpose.iri)),
  destination: z.url({ protocol: /^https?$/ }),
  recurrence: duration.optional(),
  expires: z.iso.date(),
  retention: duration.optional(),
});
export type RequestedDetail = z.infer<typeof detail>;

/** @throws InvalidAuthorizationDetails naming the member that is wrong. */
function parseDetail(value: unknown): RequestedDetail {
  const parsed = detail.safeParse(value);
  if (parsed.success) return parsed.data;
  const flaws = parsed.error.issues.slice(0, 3).map((issue) => `/${issue.path.join("/")} ${issue.message}`);
  throw new errors.InvalidAuthorizationDetails(`authorization_details: ${flaws.join("; ")}`);
}

/** The one detail of a pushed request. One consent answers one request, so several are refused. */
export function onlyDetail(authorizationDetails: unknown): RequestedDetail {
  const list: unknown = typeof authorizationDetails === "string" ? JSON.parse(authorizationDetails) : authorizationDetails;
  if (!Array.isArray(list) || list.length !== 1) throw new errors.InvalidAuthorizationDetails("exactly one authorization detail is needed");
  return parseDetail(list[0]);
}

interface Ports {
  store: Store;
  clock: Clock;
}

/**
 * Whether this client may ask for this: it is accredited, asks for itself, and the source is accredited and has the data sets.
 * The use case checks again when the person is asked; here the client learns early.
 */
export async function validateDetails(ports: Ports, authorizationDetails: unknown, clientId: string): Promise<void> {
  const asked = onlyDetail(authorizationDetails);
  if (asked.destination !== clientId)
    throw new errors.InvalidAuthorizationDetails("destination must be the entity identifier of the client");
  const source = await accredited(ports, asked.locations[0]);
  if (source === null) throw new errors.InvalidAuthorizationDetails("locations must name a participant with an accreditation in force");
  if ((await accredited(ports, clientId)) === null)
    throw new errors.UnauthorizedClient("the client has no accreditation in force; it can renew it in the register");
  const known = source.datasets.map((dataset) => dataset.id);
  const unknown = known.length === 0 ? [] : asked.datasets.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new errors.InvalidAuthorizationDetails("datasets holds one that the source does not have; the register lists them");
}

function accredited({ store, clock }: Ports, entityId: string): Promise<Participant | null> {
  return store.read(async (r) => {
    const participant = await r.participants.findByEntityId(entityId);
    const inForce = participant !== null && isAccredited(participant, await r.participants.findMark(participant.id), clock.now());
    return inForce ? participant : null;
  });
}
