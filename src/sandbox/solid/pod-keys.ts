import { RelaisError } from "../../core/errors.ts";

/** What a person hands to Relais so that it may write to the pod. */
export interface PodKeys {
  podRoot: string;
  webId: string;
  issuer: string;
  clientId: string;
  clientSecret: string;
}

export interface PodOwner {
  /** Name of the pod. */
  pod: string;
  email: string;
  password: string;
}

interface Controls {
  password: { login: string };
  account: { clientCredentials: string; webId: string };
}

/** Makes client credentials as the person does on the account page, through the server's account API. */
export async function createPodKeys(server: string, owner: PodOwner): Promise<PodKeys> {
  const index = `${server}.account/`;
  const { controls: outside } = await ask<{ controls: Controls }>(index, {});
  const { authorization } = await ask<{ authorization: string }>(outside.password.login, {
    body: { email: owner.email, password: owner.password },
  });
  const { controls } = await ask<{ controls: Controls }>(index, { authorization });
  const podRoot = `${server}${owner.pod}/`;
  const webId = `${podRoot}profile/card#me`;
  const { id, secret } = await ask<{ id: string; secret: string }>(controls.account.clientCredentials, {
    authorization,
    body: { name: "relais", webId },
  });
  return { podRoot, webId, issuer: server, clientId: id, clientSecret: secret };
}

async function ask<T>(url: string, { authorization, body }: { authorization?: string; body?: object }): Promise<T> {
  const headers = {
    accept: "application/json",
    ...(authorization === undefined ? {} : { authorization: `CSS-Account-Token ${authorization}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const answer = await fetch(url, {
    headers,
    method: body === undefined ? "GET" : "POST",
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  }).catch((cause: unknown) => refuse({ cause }));
  if (!answer.ok) refuse({ details: { status: answer.status } });
  return (await answer.json()) as T;
}

function refuse(particulars: { cause?: unknown; details?: Record<string, unknown> }): never {
  throw new RelaisError("peer_unavailable", "The pod server does not answer yet. Try again in a moment.", particulars);
}
