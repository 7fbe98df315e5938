import type { Adapter } from "../src/core/transfer/adapter.ts";
import { mailbox } from "./mailbox/index.ts";
import { selfData } from "./self-data/index.ts";
import { solid } from "./solid/index.ts";
import { webdav } from "./webdav/index.ts";

/** Every way to speak to a participant. */
export const ADAPTERS = {
  "self-data": selfData,
  solid,
  webdav,
  mailbox,
} as const satisfies Record<Adapter["name"], Adapter>;
