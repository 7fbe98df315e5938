import type { RequestHandler } from "express";
import { RelaisError } from "../core/errors.ts";

/**
 * Refuses what a page of another site sends, also for a browser without a session: nobody is signed in as somebody else against their will
 * (login cross-site request forgery). Browsers say where a form comes from, by `Sec-Fetch-Site` or `Origin`.
 */
export function ownPagesOnly(issuer: string): RequestHandler {
  const own = new URL(issuer).origin;
  return (req, _res, next) => {
    const [site, origin] = [req.get("sec-fetch-site"), req.get("origin")];
    const isOwn = site === undefined ? origin === undefined || origin === own : site === "same-origin" || site === "none";
    if (!isOwn)
      throw new RelaisError("forbidden", "This form was sent from another site. Open Relais and try again there.", { actor: "person" });
    next();
  };
}
