import { createHash } from "node:crypto";
import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import { itemName, type Bytes, type Draft, type ItemToStore, type Mailbox } from "../transfer/adapter.ts";
import type { MailboxLimits, PackageFiles, PackageId, PackageSealer } from "./mailbox.ts";
import { PACKAGE_TYPE } from "./package-format.ts";
import { passOn } from "./pass-on.ts";
import { mustFit, tooLarge } from "./quota.ts";
import { sealingKeyOf } from "./sealing-key.ts";

export interface KeepingPorts extends Pick<Ports, "store" | "clock"> {
  files: PackageFiles;
  sealer: PackageSealer;
  limits: MailboxLimits;
}

type Head = Draft["manifest"];

/** The worker's side: what is to be delivered is sealed, kept, and offered when all of it is there. */
export function createMailbox(ports: KeepingPorts): Mailbox {
  return {
    open: ({ platform, epoch }, head) => ({
      announce: (draft) => announce(ports, platform, draft),
      put: (item, body) => put(ports, { platform, head, epoch }, item, body),
      complete: () => offer(ports, head),
    }),
  };
}

/** What is known of it already is found again, so that a second attempt brings only the rest. */
async function announce({ store, clock, limits }: KeepingPorts, platform: Participant, draft: Draft): Promise<Map<string, string>> {
  // Without a key nothing of it can ever be delivered: better said before the source is read.
  sealingKeyOf(platform);
  const { transfer: transferId, subject } = draft.manifest;
  const expected = draft.datasets.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  if (expected > limits.platformBytes)
    throw new RelaisError("too_large", "This is more than may ever wait for one platform. Choose fewer data sets, or ask the operator.", {
      actor: "person",
      details: { fits: limits.platformBytes },
    });
  await store.write((w) => w.keeping.open({ transferId, platformId: platform.id, subject, createdAt: clock.now() }));
  return store.read(async (r) => {
    const held = new Map<string, string>();
    for (let after: PackageId | null = null; ;) {
      const page = await r.mailbox.packages(transferId, { after, limit: PAGE });
      for (const one of page) held.set(itemName(one), one.sha256);
      if (page.length < PAGE) return held;
      after = page.at(-1)?.id ?? null;
    }
  });
}

const PAGE = 2000;

async function put(
  ports: KeepingPorts,
  to: { platform: Participant; head: Head; epoch: number },
  item: ItemToStore,
  body: Bytes | Uint8Array,
): Promise<void> {
  const { store, clock, files, limits } = ports;
  const transferId = to.head.transfer;
  const { dataset, key, mediaType } = item;
  const { before, waiting } = await store.read(async (r) => ({
    before: await r.mailbox.findPackage(transferId, item),
    waiting: await r.mailbox.waitingFor(to.platform.id),
  }));
  const passed = body instanceof Uint8Array ? once(body) : body;
  if (before !== null && before.sha256 === item.sha256) return letGo(passed);
  if (item.bytes !== null && item.bytes > limits.packageBytes) {
    await letGo(passed);
    throw tooLarge(limits.packageBytes);
  }
  // Said before the disk is written where the source announces its length; counted exactly when it is listed.
  mustFit(waiting - (before?.bytes ?? 0) + (item.bytes ?? 0), limits.platformBytes);
  const id = newId("package");
  const hash = createHash("sha256");
  const passing = hashed(passed, hash);
  const bytes = await files.keep(id, sealedFor(ports, to, { id, item, body: passing }), limits.packageBytes);
  const named = { id, transferId, dataset, key, mediaType, bytes, sha256: hash.digest("base64url") };
  const kept = { ...named, keptAt: clock.now(), begunAt: null, handedBytes: 0, fetchedAt: null };
  const by = { epoch: to.epoch, platformId: to.platform.id, platformBytes: limits.platformBytes };
  const replaced = await store
    .write((w) => w.keeping.add(kept, by))
    .catch(async (error: unknown) => {
      await files.remove(id);
      throw error;
    });
  if (replaced !== null) await files.remove(replaced);
}

/** What a holder sealed passes as it is: Relais has no key that opens it. All else is sealed here, and touches nothing before. */
function sealedFor(
  { sealer }: Pick<KeepingPorts, "sealer">,
  { platform, head }: { platform: Participant; head: Head },
  { id, item, body }: { id: PackageId; item: ItemToStore; body: Bytes },
): Bytes {
  if (item.mediaType === PACKAGE_TYPE) return passOn(body, platform);
  const { consent, transfer, destination: aud } = head;
  const { dataset, key, mediaType: media_type } = item;
  return sealer.seal(body, platform, { jti: id, aud, consent, transfer, dataset, key, media_type });
}

/** Whoever sends it is told that no more is read: a stream that was never begun would hold its connection. */
async function letGo(body: Bytes): Promise<void> {
  try {
    for await (const _ of body) return;
  } catch {
    // It was not wanted.
  }
}

async function* hashed(body: Bytes, hash: ReturnType<typeof createHash>): Bytes {
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes;
}

/** Everything is there, with its manifest. Returns the receipt where the platform gave it already, else until when it may. */
async function offer({ store, clock, limits }: KeepingPorts, head: Head): Promise<{ receipt: string } | { until: Date }> {
  const now = clock.now();
  return store.write(async (w) => {
    const consent = await w.consents.get(head.consent);
    const latest = new Date(now.getTime() + limits.days * 86_400_000);
    const expiresAt = latest < consent.expiresAt ? latest : consent.expiresAt;
    const isFirst = await w.keeping.offer(head.transfer, { at: now, expiresAt });
    const { receipt = null, expiresAt: until, packages: items = 0 } = (await w.mailbox.find(head.transfer)) ?? {};
    if (isFirst) await w.deliveries.addEvent(head.transfer, now, { kind: "deposited", actor: "relais", details: { items } });
    return receipt === null ? { until: until ?? expiresAt } : { receipt };
  });
}
