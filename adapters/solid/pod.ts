import { RelaisError } from "../../src/core/errors.ts";
import type { Bytes, Opening, OutboundRequest, OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { encodedPath, readTypes, typesSegments } from "../../src/core/transfer/folder-layout.ts";
import type { FolderEntry } from "../../src/core/transfer/folder-walk.ts";
import { openTokens } from "./access-token.ts";
import { brokenProtocol, refusalOf } from "./failures.ts";
import { readResourceName, resourceName } from "./resource-name.ts";
import { readContains } from "./turtle.ts";

const LISTING_BYTES = 32 * 1024 * 1024;

/** The person's pod, opened with their client credentials. */
export interface Pod {
  root: string;
  /** Address of what lies at these segments; with a last slash for a container. */
  urlOf(segments: readonly string[], kind?: "resource" | "container"): string;
  /** Sends, and throws where the status is none of `expected`. A body that streams is sent once. */
  ask(request: OutboundRequest, expected: readonly number[]): Promise<OutboundResponse>;
  /** Members of a container; none where there is no such container. */
  list(url: string): Promise<FolderEntry[]>;
  /** The bytes of a resource, or null where there is none. */
  read(url: string): Promise<Bytes | null>;
  /** Media types by key, as noted beside a data set; empty where nothing was noted. */
  typesOf(slug: string, dataset: string): Promise<Map<string, string>>;
  /** Whether something was there. */
  remove(url: string): Promise<boolean>;
}

export function openPod(opening: Opening): Pod {
  const root = rootOf(opening);
  const send = sender(opening);
  let hasOpened = false;
  const ask: Pod["ask"] = async (request, expected) => {
    const answer = await send(request);
    if (expected.includes(answer.status)) {
      hasOpened = true;
      return answer;
    }
    const refusal = await refusalOf(answer, opening.clock.now());
    throw hasOpened && answer.status === 401 ? credentialsEnded(refusal) : refusal;
  };
  const find = async (request: OutboundRequest): Promise<OutboundResponse | null> => {
    const answer = await ask(request, [200, 404, 410]);
    if (answer.status === 200) return answer;
    await answer.drop();
    return null;
  };
  const urlOf: Pod["urlOf"] = (segments, kind) => `${root}${encodedPath(segments.map(resourceName))}${kind === "container" ? "/" : ""}`;
  return {
    root,
    urlOf,
    ask,
    list: async (url) => {
      const answer = await find({ method: "GET", url, headers: { accept: "text/turtle" }, limit: LISTING_BYTES });
      return answer === null ? [] : membersOf(answer, url);
    },
    read: async (url) => (await find({ method: "GET", url, headers: { accept: "*/*" } }))?.body ?? null,
    typesOf: async (slug, dataset) => {
      const answer = await find({ method: "GET", url: urlOf(typesSegments(slug, dataset)), limit: 2 * LISTING_BYTES });
      return answer === null ? new Map() : readTypes(await answer.text());
    },
    remove: async (url) => {
      const answer = await ask({ method: "DELETE", url }, [200, 202, 204, 205, 404, 410]);
      await answer.drop();
      return answer.status < 400;
    },
  };
}

/** `account` is the address of the pod, with a last slash here. */
function rootOf({ account, participant }: Opening): string {
  const server = participant.endpoints.root;
  const root = `${account.replace(/\/+$/, "")}/`;
  if (server === undefined || !URL.canParse(root) || new URL(root).origin !== new URL(server).origin) {
    throw new RelaisError("invalid", "This is not the address of a pod at this platform. The person should copy it from the platform.", {
      actor: "person",
    });
  }
  const url = new URL(root);
  if (url.search !== "" || url.hash !== "")
    throw new RelaisError("invalid", "The address of a pod has no query and no fragment.", { actor: "person" });
  return url.href;
}

/** With a DPoP-bound token (RFC 9449 §7). Where it is refused, one new try: with the nonce asked for, or with a new token. */
function sender(opening: Opening): (request: OutboundRequest) => Promise<OutboundResponse> {
  const tokens = openTokens(opening);
  let nonce: string | undefined;
  const once = async (request: OutboundRequest): Promise<OutboundResponse> => {
    const { method, url } = request;
    const accessToken = await tokens.get();
    const dpop = await opening.dpopProof({ method, url, nonce, accessToken });
    const answer = await opening.fetch({ ...request, headers: { ...request.headers, authorization: `DPoP ${accessToken}`, dpop } });
    nonce = answer.headers["dpop-nonce"] ?? nonce;
    return answer;
  };
  return async (request) => {
    const answer = await once(request);
    const isSpent = request.body !== undefined && typeof request.body !== "string" && !(request.body instanceof Uint8Array);
    if (answer.status !== 401) return answer;
    if (!/use_dpop_nonce/.test(answer.headers["www-authenticate"] ?? "")) tokens.forget();
    if (isSpent) throw await spentBody(answer);
    await answer.drop();
    return once(request);
  };
}

/** A stream cannot be sent twice: the engine reads the item again, and the next try has a new token. */
async function spentBody(answer: OutboundResponse): Promise<RelaisError> {
  await answer.drop();
  return new RelaisError(
    "peer_unavailable",
    "The pod's server asked for a new token in the middle of an item. Relais sends the item again.",
    { actor: "platform", retryAfter: 0 },
  );
}

async function membersOf(answer: OutboundResponse, container: string): Promise<FolderEntry[]> {
  if (!/^text\/turtle\b/.test(answer.headers["content-type"] ?? "")) {
    await answer.drop();
    throw brokenProtocol("does not list a container as Turtle");
  }
  const members = readContains(await answer.text(), container);
  return [...new Set(members)].flatMap((url) => entryOf(url, container));
}

/** Direct members only: whatever else a server lists is not in this container. */
function entryOf(url: string, container: string): FolderEntry[] {
  const part = url.startsWith(container) ? url.slice(container.length) : "";
  const name = part.replace(/\/$/, "");
  if (name === "" || /[/?#]/.test(name)) return [];
  return [{ name: readResourceName(decodeSegment(name)), url, isFolder: part.endsWith("/"), bytes: null, mediaType: null }];
}

/** An encoded slash stays encoded: it is part of a name, and no container. */
function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part.replace(/%2f/gi, "%252F"));
  } catch {
    return part;
  }
}

/** Credentials that opened the account a moment ago: this is no verdict on one item, the whole attempt must stop. */
function credentialsEnded(refusal: RelaisError): RelaisError {
  return new RelaisError("unauthenticated", refusal.message, { actor: "person", details: refusal.details });
}
