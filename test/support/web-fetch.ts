import { RelaisError } from "../../src/core/errors.ts";
import type { Fetch, OutboundRequest } from "../../src/core/transfer/adapter.ts";

/** The core's `Fetch` over the platform's own, for tests that speak to peers of their own on loopback. */
export const loopbackFetch: Fetch = async (request) => {
  const response = await fetch(request.url, {
    method: request.method,
    headers: request.headers ?? {},
    redirect: "manual",
    ...bodyOf(request),
  }).catch((cause: unknown) => {
    throw new RelaisError("peer_unavailable", "The peer does not answer.", { cause });
  });
  const text = async () => response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: (response.body ?? []) as AsyncIterable<Uint8Array>,
    text,
    drop: async () => response.body?.cancel(),
  };
};

function bodyOf({ body }: OutboundRequest): { body?: string } {
  return typeof body === "string" ? { body } : {};
}
