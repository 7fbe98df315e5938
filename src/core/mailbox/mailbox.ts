import type { ConsentId, Id, ParticipantId, TransferId } from "../ids.ts";
import type { Participant } from "../register/participant.ts";
import type { Bytes } from "../transfer/adapter.ts";
import type { TransferState } from "../transfer/transfer.ts";
import type { PackageClaims } from "./package-format.ts";

export type PackageId = Id<"package">;

/** One transfer that waits to be fetched by a platform without an address: its packages, from the first one kept to the receipt. */
export interface Delivery {
  transferId: TransferId;
  platformId: ParticipantId;
  /** The platform's own name of the person, as it was signed: it outlives the account link. */
  subject: string;
  createdAt: Date;
  /** When everything was there, with its signed manifest: from then on it may be fetched. */
  offeredAt: Date | null;
  /** When what was not acknowledged is deleted. */
  expiresAt: Date | null;
  /** As the platform signed it. */
  receipt: string | null;
  /** When its bytes were deleted. */
  closedAt: Date | null;
  /** How many there are now, and their sealed bytes. */
  packages: number;
  bytes: number;
}

/** As its platform is told of it. */
export interface ToldDelivery extends Omit<Delivery, "receipt"> {
  isAcknowledged: boolean;
  transferState: TransferState;
  consentId: ConsentId;
  /** Entity identifier. */
  source: string;
}

/** In the order of their ids; `after` continues behind one. */
export interface DeliveryPage {
  after: TransferId | null;
  limit: number;
}

/** One sealed item. The database knows its name and size, never what is in it. */
export interface Package {
  id: PackageId;
  transferId: TransferId;
  dataset: string;
  key: string;
  /** Of the item as the manifest names it: for what a holder sealed, the package's own. */
  mediaType: string;
  /** Of the sealed form. */
  bytes: number;
  /** The item's digest as the manifest names it. */
  sha256: string;
  keptAt: Date;
  /** Before its first byte was handed on: from then on it may lie at the platform. */
  begunAt: Date | null;
  /** How many were handed on, from the first one without a gap. */
  handedBytes: number;
  /** When all of them were. */
  fetchedAt: Date | null;
}

export interface MailboxReader {
  find(transferId: TransferId): Promise<Delivery | null>;
  /** Null for what is for another platform, or not offered yet. */
  findTold(platformId: ParticipantId, transferId: TransferId): Promise<ToldDelivery | null>;
  /** Offered to one platform, open ones and those that ended lately; with `state` those alone that are to be fetched. */
  list(platformId: ParticipantId, page: DeliveryPage & { state?: "waiting" | undefined }): Promise<ToldDelivery[]>;
  /** In the order of their ids. */
  packages(transferId: TransferId, page: { after: PackageId | null; limit: number }): Promise<Package[]>;
  findPackage(transferId: TransferId, item: { dataset: string; key: string }): Promise<Package | null>;
  /** Null for one of another transfer. */
  findById(transferId: TransferId, id: PackageId): Promise<Package | null>;
  /** Bytes of all that is kept for one platform, in one row. */
  waitingFor(platformId: ParticipantId): Promise<number>;
  /** Offered, not acknowledged, and past its time, while its transfer still waits. */
  overdue(page: DeliveryPage): Promise<TransferId[]>;
  /** Not closed, though their transfer ended. */
  ended(page: DeliveryPage): Promise<TransferId[]>;
  /** Which of these are kept for anybody. */
  known(ids: readonly string[]): Promise<Set<string>>;
}

export interface MailboxWriter {
  /** Once for a transfer; a second call changes nothing. */
  open(delivery: Pick<Delivery, "transferId" | "platformId" | "subject" | "createdAt">): Promise<void>;
  /**
   * Lists what was kept; where the item was there, it takes the place of the older one, which is returned.
   * @throws RelaisError `lease_lost` where the delivery was offered or closed, or the transfer has another epoch: a worker that was frozen for long
   * changes nothing. `peer_unavailable` where the platform would have more than `platformBytes` waiting, counted one after the other.
   */
  add(added: Package, by: { epoch: number; platformId: ParticipantId; platformBytes: number }): Promise<PackageId | null>;
  /** True the first time. */
  offer(transferId: TransferId, offered: { at: Date; expiresAt: Date }): Promise<boolean>;
  /** Before its first byte is handed on; false where it is gone. The package is locked until the transaction ends. */
  begin(id: PackageId, at: Date): Promise<boolean>;
  /** From here and up to there, without the end. What leaves a gap counts for nothing. */
  handedOn(id: PackageId, range: { start: number; end: number }, at: Date): Promise<void>;
  /** These as they are now: no package of them is begun until the transaction ends. */
  hold(ids: readonly PackageId[]): Promise<Package[]>;
  /** False where it has a receipt already. */
  acknowledge(transferId: TransferId, receipt: string): Promise<boolean>;
  /** Forgets the packages; the delivery stays, so that the platform is told how it ended. */
  close(transferId: TransferId, at: Date): Promise<void>;
  /** Forgets what was closed before this time. */
  forget(before: Date): Promise<void>;
}

/** Seals what Relais holds in memory, so that it cannot open it afterwards. */
export interface PackageSealer {
  /**
   * The sealed form, as a stream, in the memory of one chunk. The content key is forgotten with it.
   * @throws RelaisError, while it is read, `unsupported` where the platform publishes no key to seal to.
   */
  seal(plain: Bytes, platform: Participant, about: Omit<PackageClaims, "iss" | "iat" | "cek">): Bytes;
}

/** Sealed bytes at rest. */
export interface PackageFiles {
  /**
   * Whole and durable once it returns, else nothing is there. Returns the length.
   * @throws RelaisError `too_large` above `most` bytes, `unavailable` where there is no room.
   */
  keep(id: PackageId, bytes: Bytes, most: number): Promise<number>;
  /** From and up to these places, both included. @throws RelaisError `not_found`. */
  read(id: PackageId, range: { start: number; end: number }): Promise<Bytes>;
  /** A second call finds nothing and succeeds. */
  remove(id: PackageId): Promise<void>;
  /** Names of what lies there unchanged for so long by the folder's own clock, half-written ones included; none where that cannot be read. */
  olderThan(milliseconds: number): AsyncIterable<string>;
  /** Removes what is called so. */
  sweep(name: string): Promise<void>;
}

export interface MailboxLimits {
  /** Of one package. */
  packageBytes: number;
  /** Of all that waits for one platform. */
  platformBytes: number;
  /** How long a package waits. */
  days: number;
}
