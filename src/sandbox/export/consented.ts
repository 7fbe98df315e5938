import type { Request, Response } from "express";
import { RelaisError } from "../../core/errors.ts";
import type { Relais, TokenStanding } from "../peer/relais.ts";
import { proofChecker } from "./proofs.ts";

/** What a request may do here, as Relais says now. */
export interface Consented {
  account: string;
  datasets: ReadonlySet<string>;
  actions: ReadonlySet<string>;
}

export type ConsentGuard = (request: Request, response: Response) => Promise<Consented>;

/** Names the account of a request by its consent token and DPoP proof (RFC 9449 §7.1), and asks Relais about the token. */
export function consentGuard({ relais, entityId }: { relais: Relais; entityId: string }): ConsentGuard {
  const check = proofChecker();
  return async (request, response) => {
    try {
      const token = /^DPoP ([\w~+/.-]+=*)$/i.exec(request.get("authorization") ?? "")?.[1];
      const proof = request.get("dpop");
      if (token === undefined || proof === undefined)
        throw new RelaisError("unauthenticated", "A consent token and a DPoP proof are needed. Relais sends both.");
      const jkt = await check({ method: request.method, url: entityId + request.originalUrl, token, proof });
      return consentedBy(await relais.introspect(token), { jkt, entityId });
    } catch (error) {
      if (error instanceof RelaisError && error.code === "unauthenticated") challenge(response, error);
      throw error;
    }
  };
}

function challenge(response: Response, error: RelaisError): void {
  const code = error.message.startsWith("The DPoP proof") ? "invalid_dpop_proof" : "invalid_token";
  response.set("www-authenticate", `DPoP error="${code}", algs="ES256 PS256 Ed25519 EdDSA"`);
}

function consentedBy(standing: TokenStanding, { jkt, entityId }: { jkt: string; entityId: string }): Consented {
  const audiences = [standing.aud ?? []].flat();
  if (!standing.active)
    throw new RelaisError("unauthenticated", "The consent token is not active. Relais can ask for a new one while the consent stands.");
  if (standing.cnf?.jkt !== jkt) throw new RelaisError("unauthenticated", "The consent token is bound to another key.");
  if (!audiences.includes(entityId)) throw new RelaisError("unauthenticated", "The consent token is for another source.");
  const details = (standing.authorization_details ?? []).filter((detail) => detail.type === "self_data_transfer");
  if (typeof standing.account !== "string" || details.length === 0)
    throw new RelaisError("consent_missing", "The token carries no consent to hand over data. The person can give one at Relais.");
  return {
    account: standing.account,
    datasets: new Set(details.flatMap((detail) => detail.datasets ?? [])),
    actions: new Set(details.flatMap((detail) => detail.actions ?? [])),
  };
}
