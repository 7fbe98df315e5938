import { readFile } from "node:fs/promises";
import type { Claim, Meeting } from "./holder-answers.ts";
import { describeClaims, describeMeetings } from "./holder-words.ts";
import type { RegisterClient } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

/** What a platform does towards holders, as verbs of `relais platform`: the answer, and its words. */
export type HolderVerb = (
  client: RegisterClient,
  rest: string[],
  option: (name: string) => string,
) => Promise<[answer: object, text: string]>;

export const HOLDER_VERBS: Record<string, HolderVerb> = {
  ask: async (client, [holder, ...words]) => {
    if (holder === undefined || words.length === 0)
      throw new UsageError("Name the holder, and say what you ask for: relais platform ask HOLDER TEXT");
    const meeting = await client.send<Meeting>("POST", "/v1/meetings", { holder, message: words.join(" ") });
    return [meeting, describeMeetings([meeting])];
  },
  requests: async (client) => {
    const found = await client.get<{ meetings: Meeting[] }>("/v1/meetings");
    return [found, describeMeetings(found.meetings)];
  },
  certificate: async (client, [file], option) => {
    if (file === undefined) throw new UsageError("Name the file of the certificate.");
    const query = {
      certificate: option("certificate"),
      issuer: option("issuer"),
      date: option("date"),
      valid_until: option("valid-until"),
      name: file.split("/").at(-1) ?? "file",
    };
    const claim = await client.upload<Claim>("/v1/certificates", { bytes: await readFile(file), query });
    return [claim, describeClaims([claim])];
  },
  certificates: async (client) => {
    const found = await client.get<{ certificates: Claim[] }>("/v1/certificates");
    return [found, describeClaims(found.certificates)];
  },
};
