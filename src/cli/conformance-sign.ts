import { readFile } from "node:fs/promises";
import { shellWord } from "../core/conformance/shell-word.ts";
import { participantFrom } from "../core/register/participant-metadata.ts";
import { contentDigest, sha256 } from "../core/transfer/manifest.ts";
import { EXIT, print } from "./command.ts";
import type { TrialBroker } from "./trial-broker.ts";

/** One request to a participant, as a curl command: signed as the broker signs (RFC 9421), or under a token for its test account. */
export interface AskedRequest {
  target: string;
  method: string;
  url: string;
  /** File of the body. */
  body: string | undefined;
  type: string | undefined;
  key: string | undefined;
  /** Under a token for this data set, instead of a signature. */
  dataset: string | undefined;
}

/**
 * Prints the command, and answers for its keys and its token until `ended`: the participant asks for them. What is printed counts once
 * and is over after 300 seconds; it opens the test account alone.
 */
export async function signForCurl(broker: TrialBroker, asked: AskedRequest, ended: () => Promise<void>): Promise<number> {
  const { headers, end } = await (asked.dataset === undefined ? signed(broker, asked) : underToken(broker, asked, asked.dataset));
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", shellWord(`${name}: ${value}`)]);
  const body = asked.body === undefined ? [] : ["--data-binary", shellWord(`@${asked.body}`)];
  print(["curl", "-si", "-X", asked.method, shellWord(asked.url), ...fields, ...body].join(" "));
  await ended();
  await end();
  return EXIT.fine;
}

interface Ready {
  headers: Record<string, string>;
  end(): Promise<void>;
}

async function signed({ ports }: TrialBroker, { method, url, body, type, key }: AskedRequest): Promise<Ready> {
  const bytes = body === undefined ? null : await readFile(body);
  const headers = {
    ...(bytes ? { "content-digest": contentDigest(sha256(bytes)), "content-type": type ?? "application/json" } : {}),
    ...(key === undefined ? {} : { "idempotency-key": `"${key}"` }),
  };
  return { headers: { ...headers, ...(await ports.signer.signRequest({ method, url, headers })) }, end: async () => undefined };
}

async function underToken(broker: TrialBroker, { target, method, url }: AskedRequest, dataset: string): Promise<Ready> {
  const described = participantFrom(await broker.entityConfigurations.fetch(target));
  const participant = { ...described, id: "prt_trial", status: "registered" } as const;
  const token = await broker.ports.testToken({ participant, datasets: [dataset], actions: ["copy"] });
  return { headers: await token.headers({ method, url }), end: () => token.end() };
}
