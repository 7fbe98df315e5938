import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { publicKeys } from "../core/register/public-keys.ts";
import { startPlatform, type PlatformSettings } from "./platform/platform.ts";

/** A platform of the sandbox whose client is somebody else's program: it proves itself by their keys, and people come back to their addresses. */
export interface OutsideClient {
  entityId: string;
  redirectUris: string[];
}

export interface OutsideClients extends AsyncDisposable {
  /** Publishes it from now on, also after a restart. @throws RelaisError `invalid`, `rate_limited`. */
  create(asked: unknown): Promise<OutsideClient>;
}

const kept = z.object({ name: z.string(), port: z.int(), redirectUris: z.array(z.string()), keys: z.array(z.custom<PublicJwk>()) });
type Kept = z.infer<typeof kept>;

const asked = z.strictObject({
  redirect_uris: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(10),
  jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(10) }),
});

const MOST_CLIENTS = 50;

type Settings = Pick<PlatformSettings, "dataDir" | "seed" | "relais" | "host">;

/** Those of earlier runs answer again, at their own addresses. */
export async function openOutsideClients(settings: Settings): Promise<OutsideClients> {
  await using owned = new AsyncDisposableStack();
  const folder = join(settings.dataDir, "clients");
  await mkdir(folder, { recursive: true });
  const known = await readKept(folder);
  for (const one of known) owned.use(await start(settings, one));
  const running = owned.move();
  let count = known.length;
  return {
    create: async (body) => {
      if (count >= MOST_CLIENTS)
        throw new RelaisError("rate_limited", `The sandbox holds ${MOST_CLIENTS} clients at most. Begin a new data folder.`);
      count += 1;
      const { redirectUris, keys } = read(body);
      const name = `client-${randomBytes(6).toString("hex")}`;
      const platform = running.use(await start(settings, { name, port: 0, redirectUris, keys }));
      const port = Number(new URL(platform.entityId).port);
      await write(join(folder, `${name}.json`), { name, port, redirectUris, keys });
      return { entityId: platform.entityId, redirectUris };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function read(body: unknown): Pick<Kept, "redirectUris" | "keys"> {
  const parsed = asked.safeParse(body);
  if (!parsed.success) {
    const flaws = parsed.error.issues.slice(0, 3).map(({ path, message }) => `/${path.join("/")} ${message}`);
    throw new RelaisError("invalid", `A client needs redirect_uris and jwks: ${flaws.join("; ")}.`);
  }
  return { redirectUris: parsed.data.redirect_uris, keys: publicKeys(parsed.data.jwks.keys, "jwks") };
}

/** Its people are the sandbox's own, so that they can prove an account there. */
function start(settings: Settings, { name, port, redirectUris, keys }: Kept): ReturnType<typeof startPlatform> {
  const persona = {
    name: `Client ${name.slice(-4)}`,
    folder: `clients/${name}`,
    contact: "dpo@client.example",
    faults: [],
    flaw: null,
    takesCompactForm: true,
    joins: true,
  };
  return startPlatform({ ...settings, port, persona, outsideClient: { redirectUris, keys } });
}

async function readKept(folder: string): Promise<Kept[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(files.map(async (name) => kept.parse(JSON.parse(await readFile(join(folder, name), "utf8")))));
}

async function write(file: string, one: Kept): Promise<void> {
  await writeFile(`${file}.part`, JSON.stringify(one, null, 2));
  await rename(`${file}.part`, file);
}
