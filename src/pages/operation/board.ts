import type { RequestListener } from "node:http";
import { Router, type RequestHandler } from "express";
import { RelaisError } from "../../core/errors.ts";
import type { Session } from "../../core/person/person.ts";
import { findStaff } from "../accreditation/caller.ts";
import { languageOf } from "../tongue.ts";
import type { PagesPorts } from "../visit.ts";

export const BOARD_PATH = "/ops/queues";

/** Bull Board writes styles into its page and names its base; scripts stay files of our own, and fonts from elsewhere stay out. */
const BOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The queue's own view, for the operator's office alone: read anew at each request, and nothing can be changed by it, whatever the view itself
 * offers. Mounted behind what sets `res.locals.session`.
 */
export function createBoardDoor(ports: Pick<PagesPorts, "store" | "staff">, look: RequestListener): Router {
  const router = Router();
  router.use(BOARD_PATH, operatorsOnly(ports), (request, response) => look(request, response));
  return router;
}

function operatorsOnly(ports: Pick<PagesPorts, "store" | "staff">): RequestHandler {
  return async (request, response, next) => {
    const session = (response.locals["session"] as Session | null | undefined) ?? null;
    if (session === null) {
      const lang = languageOf(request.headers["accept-language"]);
      return response.redirect(303, `/${lang}/sign-in?next=${encodeURIComponent(request.originalUrl)}`);
    }
    const member = await findStaff(ports, session.personId);
    if (member?.office !== "operator")
      throw new RelaisError("not_found", "There is nothing at this address for you.", { actor: "operator" });
    if (request.method !== "GET" && request.method !== "HEAD")
      throw new RelaisError("method_not_allowed", "This view only looks. What is given up is brought back from the page of the queue.");
    response.set({ "Content-Security-Policy": BOARD_POLICY, "Cache-Control": "no-store" });
    next();
  };
}
