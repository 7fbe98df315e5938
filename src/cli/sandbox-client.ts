import { createHash, generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, print } from "./command.ts";
import { dataFolder } from "./operator-settings.ts";
import { publicCall } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

export const SANDBOX_CLIENT_HELP = `relais sandbox client create (--json | --out FILE) [options]

Makes an accredited client in a running sandbox (level 0, invented people only), so that a program or a conformance suite of yours can be pointed
at this Relais: a platform of the sandbox publishes it, with your redirect address and the public halves of keys that are made here.

  --json                prints everything, private keys included
  --out FILE            writes the same to a new file that only you can read
  --redirect-uri URL    where people come back to; may be given several times (default: https://localhost.emobix.co.uk:8443/test/a/relais/callback,
                        the address of a local FAPI conformance suite with the alias "relais")
  --sandbox URL         home of the sandbox (default: the one that runs in the data folder, RELAIS_DATA_DIR)`;

const SUITE_CALLBACK = "https://localhost.emobix.co.uk:8443/test/a/relais/callback";

export interface ClientOptions {
  json: boolean;
  out?: string | undefined;
  sandbox?: string | undefined;
  "redirect-uri"?: string[] | undefined;
}

/** What a program needs to be this client. */
interface NewClient {
  issuer: string;
  client_id: string;
  redirect_uris: string[];
  token_endpoint_auth_method: "private_key_jwt";
  scope: string;
  /** Private: ES256 and PS256, each with its `kid`. */
  jwks: { keys: JsonWebKey[] };
  /** To be sent in a pushed request as it is. */
  authorization_details: object[];
  /** Where it is written with which password the invented people sign in. */
  people: string;
}

export async function createSandboxClient(options: ClientOptions): Promise<number> {
  if (options.json === (options.out !== undefined))
    throw new UsageError(`Say where the private keys go: --json prints them, --out FILE writes them.\n\n${SANDBOX_CLIENT_HELP}`);
  const home = options.sandbox?.replace(/\/+$/, "") ?? (await sandboxHere());
  const client = await newClient(home, options["redirect-uri"] ?? [SUITE_CALLBACK]);
  const text = JSON.stringify(client, null, 2);
  if (options.out !== undefined) await writeSecret(options.out, `${text}\n`);
  print(options.json ? text : `${client.client_id} is a client of ${client.issuer}; its private keys are in ${options.out}.`);
  return EXIT.fine;
}

async function newClient(home: string, redirectUris: string[]): Promise<NewClient> {
  const keys = [
    named(generateKeyPairSync("ec", { namedCurve: "P-256" }), "ES256"),
    named(generateKeyPairSync("rsa", { modulusLength: 2048 }), "PS256"),
  ];
  const published = { redirect_uris: redirectUris, jwks: { keys: keys.map(({ publicJwk }) => publicJwk) } };
  const made = await publicCall<{ entity_id: string; relais: string; source: string; datasets: string[] }>(home, "/clients", published);
  await publicCall(made.relais, "/v1/participants", { entity_id: made.entity_id });
  return {
    issuer: made.relais,
    client_id: made.entity_id,
    redirect_uris: redirectUris,
    token_endpoint_auth_method: "private_key_jwt",
    scope: "transfers",
    jwks: { keys: keys.map(({ privateJwk }) => privateJwk) },
    authorization_details: [detailOf(made)],
    people: home,
  };
}

const DAYS = 30;

function detailOf({ entity_id, source, datasets }: { entity_id: string; source: string; datasets: string[] }): object {
  return {
    type: "self_data_transfer",
    actions: ["copy"],
    locations: [source],
    datasets,
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    destination: entity_id,
    expires: new Date(Date.now() + DAYS * 86_400_000).toISOString().slice(0, 10),
  };
}

/** `kid` is the RFC 7638 thumbprint. */
function named({ privateKey, publicKey }: Pick<ReturnType<typeof generateKeyPairSync>, "privateKey" | "publicKey">, alg: string) {
  const publicJwk = publicKey.export({ format: "jwk" });
  const members = alg === "ES256" ? ["crv", "kty", "x", "y"] : ["e", "kty", "n"];
  const hashed = JSON.stringify(Object.fromEntries(members.map((name) => [name, publicJwk[name]])));
  const about = { kid: createHash("sha256").update(hashed).digest("base64url"), use: "sig", alg };
  return { publicJwk: { ...publicJwk, ...about }, privateJwk: { ...privateKey.export({ format: "jwk" }), ...about } };
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: "wx" }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "EEXIST" ? "is there already; choose another name" : `cannot be written (${cause.code})`;
    throw new UsageError(`--out: ${file} ${why}.`, { cause });
  });
}

async function sandboxHere(): Promise<string> {
  const folder = dataFolder(process.env);
  const text = await readFile(join(folder, "relais.json"), "utf8").catch(() => null);
  const home = text === null ? undefined : (JSON.parse(text) as { sandbox: { home?: string } | null }).sandbox?.home;
  if (home === undefined) throw new UsageError(`No sandbox runs in ${folder}. Start one with npm start, or name its home with --sandbox.`);
  return home;
}
