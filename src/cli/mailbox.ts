import { entityKeys } from "../sandbox/device/entity-keys.ts";
import { fetchAll as fetchDeliveries } from "../sandbox/device/fetch-all.ts";
import { createParticipantCall } from "../sdk-client/mailbox-client.ts";
import { deliveriesIn, type MailboxCall, type MailboxOwner, type WaitingDelivery } from "../sdk/mailbox.ts";
import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { readPrivateKey } from "./private-key.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais mailbox <verb> --relais URL --entity URL --key FILE [options]

For a platform without an address: what waits for it at Relais, sealed to its key (docs/mailbox.md). --key is the private key that it publishes
under oauth_client.jwks in its entity configuration (PEM or JWK; ES256,
PS256 or Ed25519; never on the command line).

  list                     what waits, and how what waited lately ended
  fetch                    fetch, open, keep and acknowledge all that waits      --sealing-key FILE … --out DIR
                           --sealing-key: the private key whose public half is published with use "enc"; several after a change of keys
                           Items come to DIR/<person>/<data set>/<key>, manifests and receipts to DIR/<person>/proofs. Names are
                           percent-encoded; what is longer than a file name can be is named %sha256-<digest of the name>.
                           One that fails is said, and the others are fetched all the same.

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
  const key = await readPrivateKey(needed(values, "key"), "sig");
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
    sealingKeys: await Promise.all(files.map((file) => readPrivateKey(file, "enc"))),
    signingKey: await readPrivateKey(needed(values, "key"), "sig"),
    keysOf: entityKeys(relais),
  };
  const fetched = await fetchDeliveries(call, owner, folder);
  const told = fetched.map((one) => ("failure" in one ? { transfer: one.transfer, error: sentenceOf(one.failure) } : one));
  const lines = told.map((one) =>
    "error" in one
      ? `${one.transfer}  not fetched: ${one.error} Nothing of it is acknowledged; fetch again.`
      : `${one.transfer}  ${one.items} items kept and acknowledged`,
  );
  print(values.json ? JSON.stringify(told, null, 2) : lines.length > 0 ? lines.join("\n") : "Nothing waits.");
  return told.some((one) => "error" in one) ? EXIT.failed : EXIT.fine;
}

function sentenceOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
