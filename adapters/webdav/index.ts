import type { Adapter } from "../../src/core/transfer/adapter.ts";
import { openDestination } from "./destination.ts";
import { openSource } from "./source.ts";

/** Any WebDAV server (RFC 4918): Nextcloud, ownCloud, Apache, nginx, a network drive. */
export const webdav: Adapter = {
  name: "webdav",
  needsDigest: false,
  concurrency: 8,
  openSource: async (opening) => openSource(opening),
  openDestination: async (opening, draft) => openDestination(opening, draft),
};
