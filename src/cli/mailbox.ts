import { createPrivateKey, createPublicKey, type JsonWebKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { JWK } from "jose";
import { thumbprintOf } from "../core/register/public-keys.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { entityKeys } from "../sandbox/device/entity-keys.ts";
import { keepIn } from "../sandbox/device/kept-items.ts";
import { createParticipantCall } from "../sdk-client/mailbox-client.ts";
import { deliveriesIn, receiveDelivery, type MailboxCall, type MailboxOwner, type WaitingDelivery } from "../sdk/mailbox.ts";
import type { SigningKey } from "../sdk/packages.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { needed } from "./platform.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais mailbox <verb> --relais URL --entity URL --key FILE [options]

For a platform without an address: what waits for it at Relais, sealed to its key (docs/mailbox.md). --key is the private key that it publishes
under oauth_client.jwks in its entity configuration (PEM or JWK; never on the command line).

  list                     what waits, and how what waited lately ended
  fetch                    fetch, open, keep and acknowledge all that waits      --sealing-key FILE … --out DIR
                           --sealing-key: the private key whose public half is published with use "enc"; several after a change of keys
                           Items come to DIR/<person>/<data set>/<key>, manifests and receipts to DIR/<person>/proofs.

--json prints it for machines. Exit code: 0, 1 failed, 2 usage, 4 not allowed.`;

const OPTIONS = {
  relais: { type: "string" },
  entity: { type: "string" },
  key: { type: "string" },
  "sealing-key": { type: "string", multiple: true },
  out: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

export const MAILBOX: Command = { summary: "fetch what waits for a platform without an address", help: HELP, run };

const VERBS: Record<string, (values: Values, call: MailboxCall) => Promise<number>> = { list, fetch: fetchAll };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const name = positionals.join(" ");
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw new UsageError(`There is no "relais mailbox ${name}".\n\n${HELP}`);
  const key = await privateKey(needed(values, "key"), "sig");
  return verb(values, createParticipantCall({ issuer: relaisIn(values), entityId: needed(values, "entity"), key }));
}

const relaisIn = (values: Values): string => needed(values, "relais").replace(/\/+$/, "");

async function waitingIn(call: MailboxCall): Promise<WaitingDelivery[]> {
  const found: WaitingDelivery[] = [];
  for await (const delivery of deliveriesIn(call)) found.push(delivery);
  return found;
}

async function list(values: Values, call: MailboxCall): Promise<number> {
  const deliveries = await waitingIn(call);
  const lines = deliveries.map(
    ({ transfer, state, source, packages, bytes, expires_at: expires }) =>
      `${transfer}  ${state.padEnd(12)}  ${packages} packages, ${bytes} bytes  from ${source}  until ${expires}`,
  );
  print(values.json ? JSON.stringify(deliveries, null, 2) : lines.length > 0 ? lines.join("\n") : "Nothing waits.");
  return EXIT.fine;
}

async function fetchAll(values: Values, call: MailboxCall): Promise<number> {
  const [relais, folder] = [relaisIn(values), needed(values, "out")];
  const files = values["sealing-key"] ?? [];
  if (files.length === 0) throw new UsageError("--sealing-key is missing.");
  const owner: MailboxOwner = {
    entityId: needed(values, "entity"),
    sealingKeys: await Promise.all(files.map((file) => privateKey(file, "enc"))),
    signingKey: await privateKey(needed(values, "key"), "sig"),
    keysOf: entityKeys(relais),
  };
  const fetched: { transfer: string; items: number }[] = [];
  for (const delivery of await waitingIn(call)) {
    if (delivery.state !== "waiting") continue;
    const { keep, keepProof } = keepIn(folder, delivery);
    let items = 0;
    await keepProof(await receiveDelivery(call, owner, delivery, async (item) => keep(item).then(() => void items++)));
    fetched.push({ transfer: delivery.transfer, items });
  }
  const lines = fetched.map(({ transfer, items }) => `${transfer}  ${items} items kept and acknowledged`);
  print(values.json ? JSON.stringify(fetched, null, 2) : lines.length > 0 ? lines.join("\n") : "Nothing waits.");
  return EXIT.fine;
}

/** PEM (PKCS #8) or JWK. Its `kid` is the RFC 7638 thumbprint, as it is published, unless the JWK has one. */
async function privateKey(file: string, use: "sig" | "enc"): Promise<SigningKey> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`The key file ${file} cannot be read.`);
  });
  try {
    const given = text.trimStart().startsWith("{") ? (JSON.parse(text) as JsonWebKey & { kid?: string }) : null;
    const key = given === null ? createPrivateKey(text) : createPrivateKey({ key: given, format: "jwk" });
    const kid = given?.kid ?? thumbprintOf(createPublicKey(key).export({ format: "jwk" }) as PublicJwk);
    return { ...(key.export({ format: "jwk" }) as JWK), kid, use, alg: use === "enc" ? "ECDH-ES+A256KW" : "ES256" };
  } catch (cause) {
    throw new UsageError(`${file} holds no private key, as PEM (PKCS #8) or JWK.`, { cause });
  }
}
