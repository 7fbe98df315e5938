import { asRelaisError } from "../../core/errors.ts";
import { pathOf, type Answer, type PagesPorts, type PersonHandler, type PersonVisit } from "../visit.ts";

/** Where a holder has to be surer of who the person is, they are led to its sign-in, and back to what they wanted. */
export async function surely(handler: PersonHandler, ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  try {
    return await handler(ports, visit);
  } catch (error) {
    const { code, details } = asRelaisError(error);
    if (code !== "assurance_too_low") throw error;
    const query = new URLSearchParams({ next: wayBack(visit), level: String(details["least"]) });
    return { kind: "redirect", to: pathOf(visit, `/accounts/${String(details["participantId"])}?${query}`) };
  }
}

/** The page that the person was on, with the two places that they had chosen there. */
function wayBack(visit: PersonVisit): string {
  const chosen = (["source", "destination"] as const).flatMap((side) =>
    visit.form.one(side) === "" ? [] : [[side, visit.form.one(side)]],
  );
  const page = pathOf(visit, visit.path.replace(/\/(start|retry)$/, ""));
  return chosen.length === 0 ? page : `${page}?${new URLSearchParams(chosen)}`;
}
