import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { OutboundRequest, OutboundResponse } from "../transfer/adapter.ts";
import { writeCompactForm } from "../transfer/compact-form.ts";
import { contentDigest, MANIFEST_TYPE, sha256, type Manifest, type Receipt } from "../transfer/manifest.ts";
import type { Look } from "./probing.ts";

/** What a trial puts into an inbox: nobody's data. */
export interface TrialItem {
  dataset: string;
  key: string;
  mediaType: string;
  body: Uint8Array;
}

/** A data set of no holder: what a trial leaves is told apart from people's data. */
export const TRIAL_DATASET = "conformance.trial";
export const trialText = (content: string): Uint8Array => new TextEncoder().encode(content);
export const trialItem = (key: string, content = `trial ${key}`, mediaType = "text/plain"): TrialItem => ({
  dataset: TRIAL_DATASET,
  key,
  mediaType,
  body: trialText(content),
});

interface Sent {
  method: "GET" | "PUT" | "POST" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** Changes the signed headers before they are sent. */
  tamper?: (headers: Record<string, string>) => Record<string, string>;
  signer?: Look["signer"];
}

const TRIAL_MINUTES = 10;

/** A copy says nothing; a proposal says that it is one. */
export type TrialAction = "propose";

/** A transfer to the participant's test account, step by step as the protocol says (docs/self-data-transfer.md, destination side). */
export interface Trial {
  manifest: Omit<Manifest, "items" | "omissions">;
  /** The manifest of these items, not signed. */
  listed(items: TrialItem[]): Manifest;
  announce(items: TrialItem[]): Promise<OutboundResponse>;
  put(item: TrialItem, changed?: Pick<Sent, "tamper" | "signer"> & { body?: Uint8Array }): Promise<OutboundResponse>;
  look(): Promise<OutboundResponse>;
  /** Signs the manifest of these items. Signed twice, it is another document. */
  sign(items: TrialItem[]): Promise<string>;
  complete(manifestJws: string): Promise<OutboundResponse>;
  /** Everything in one request, in compact form; `items` are what travels, whatever the manifest lists. */
  handOver(manifestJws: string, items: TrialItem[]): Promise<OutboundResponse>;
  stop(): Promise<OutboundResponse>;
  /** Headers of the last request as they were sent, for a replay. */
  replay(): Promise<OutboundResponse>;
}

/** @throws RelaisError `unsupported` where the participant published no inbox or no test account. */
export function beginTrial(look: Look, action?: TrialAction): Trial {
  const { participant, issuer, clock, signer } = look;
  const { inbox } = participant.endpoints;
  const subject = participant.about.testAccount;
  if (inbox === undefined) throw new RelaisError("unsupported", "no inbox_endpoint is published");
  if (subject === undefined) throw new RelaisError("unsupported", "no test_account is published");
  const manifest = {
    iss: issuer,
    iat: Math.floor(clock.now().getTime() / 1000),
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: issuer,
    destination: participant.entityId,
    subject,
    ...(action === undefined ? {} : { action }),
  };
  const listedIn = (items: TrialItem[]): Manifest => ({ ...manifest, items: items.map(listed), omissions: [] });
  const sender = senderOf(look);
  let location = `${inbox}/transfers/${manifest.transfer}`;
  return {
    manifest,
    announce: async (items) => {
      const until = new Date(clock.now().getTime() + TRIAL_MINUTES * 60_000);
      const headers = { "content-type": "application/json", "idempotency-key": `"${manifest.transfer}"` };
      const answer = await sender.send({
        method: "POST",
        url: `${inbox}/transfers`,
        headers,
        body: announcementOf(manifest, items, until),
      });
      const given = answer.headers["location"];
      if (given !== undefined && URL.canParse(given, inbox)) location = new URL(given, inbox).href.replace(/\/$/, "");
      return answer;
    },
    put: (item, changed = {}) => sender.send({ ...putOf(location, manifest.transfer, item, changed.body ?? item.body), ...changed }),
    look: () => sender.send({ method: "GET", url: location }),
    listed: listedIn,
    sign: (items) => signer.signDocument(MANIFEST_TYPE, listedIn(items)),
    complete: (body) =>
      sender.send({ method: "POST", url: `${location}/complete`, headers: { "content-type": `application/${MANIFEST_TYPE}` }, body }),
    handOver: (jws, items) => {
      const { contentType, body } = writeCompactForm(jws, items);
      const headers = { "content-type": contentType, "idempotency-key": `"${manifest.transfer}"` };
      return sender.send({ method: "POST", url: `${inbox}/transfers`, headers, body });
    },
    stop: () => sender.send({ method: "DELETE", url: location }),
    replay: sender.replay,
  };
}

/** Signs and sends, and remembers what it sent last. */
function senderOf({ fetch, signer }: Look): { send(sent: Sent): Promise<OutboundResponse>; replay(): Promise<OutboundResponse> } {
  let last: OutboundRequest | null = null;
  return {
    send: async ({ method, url, headers = {}, body, tamper, signer: by = signer }) => {
      const covered = { ...(body === undefined ? {} : { "content-digest": contentDigest(sha256(body)) }), ...headers };
      const signed = { ...covered, ...(await by.signRequest({ method, url, headers: covered })) };
      last = { method, url, headers: tamper?.(signed) ?? signed, ...(body === undefined ? {} : { body }) };
      return fetch(last);
    },
    replay: () => {
      if (last === null) throw new RelaisError("internal", "There is nothing to send again.");
      return fetch(last);
    },
  };
}

/** The digest is that of the item, whatever body is sent. */
function putOf(location: string, transfer: string, item: TrialItem, body: Uint8Array): Sent {
  return {
    method: "PUT",
    url: `${location}/items/${encodeURIComponent(item.dataset)}/${encodeURIComponent(item.key)}`,
    headers: {
      "content-type": item.mediaType,
      "content-length": String(body.length),
      "content-digest": contentDigest(sha256(item.body)),
      "idempotency-key": `"${transfer}/${sha256(`${item.dataset}/${item.key}`)}"`,
    },
    body,
  };
}

function listed({ dataset, key, mediaType, body }: TrialItem): Manifest["items"][number] {
  return { dataset, key, media_type: mediaType, bytes: body.length, "sha-256": sha256(body) };
}

function announcementOf(
  { transfer, consent, source, destination, subject, action }: Trial["manifest"],
  items: TrialItem[],
  expires: Date,
): string {
  const datasets = [...new Set(items.map(({ dataset }) => dataset))].map((dataset) => {
    const own = items.filter((item) => item.dataset === dataset);
    return { dataset, items: own.length, bytes: own.reduce((sum, { body }) => sum + body.length, 0) };
  });
  return JSON.stringify({ transfer, consent, source, destination, subject, action, datasets, expires: expires.toISOString() });
}

/** The receipt of a completed trial, by one of the participant's published keys. @throws RelaisError. */
export async function receiptOf({ verifier, participant }: Look, answer: OutboundResponse): Promise<Receipt> {
  const jws = (await answer.text()).trim();
  return verifier.verifyReceipt(jws, participant.keys);
}
