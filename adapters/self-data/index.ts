import type { Adapter } from "../../src/core/transfer/adapter.ts";
import { openDestination } from "./destination.ts";
import { openSource } from "./source.ts";

/** The Self Data transfer protocol, version 1 (`docs/self-data-transfer.md`), for holders and platforms. */
export const selfData: Adapter = {
  name: "self-data",
  needsDigest: true,
  concurrency: 8,
  openSource: async (opening) => openSource(opening),
  openDestination: async (opening) => openDestination(opening),
};
