import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Router } from "express";
import { escaped, sendPage } from "../pages/page.ts";

/** An account of nobody, on which Relais' checks write and read. */
export const TEST_ACCOUNT = "conformance-account";

export const PUBLIC_PATHS = { privacy: "/privacy", incidents: "/incidents" } as const;

const LIFE_DAYS = 180;

interface Published {
  name: string;
  contact: string;
  /** Where `challenge.txt` may lie. */
  folder: string;
  /** A fault, for those who write checks. */
  hidesContact?: boolean;
}

/** What the charter asks every participant to publish: security contact, privacy and incident pages, and the value that shows control of the name. */
export function publicPages({ name, contact, folder, hidesContact = false }: Published): Router {
  const router = Router();
  router.get("/.well-known/security.txt", (_request, response, next) => {
    if (hidesContact) return next();
    const expires = new Date(Date.now() + LIFE_DAYS * 86_400_000).toISOString();
    response.type("text/plain").send(`Contact: mailto:${contact}\nExpires: ${expires}\nPreferred-Languages: fr, en\n`);
  });
  // Whoever runs the program puts the value into this file of its data folder.
  router.get("/.well-known/relais-challenge", async (_request, response) => {
    const value = await readFile(join(folder, "challenge.txt"), "utf8").catch(() => null);
    if (value === null) return void response.status(404).type("text/plain").send("no challenge\n");
    response.type("text/plain").send(value);
  });
  router.get(PUBLIC_PATHS.privacy, (_request, response) =>
    sendPage(response, 200, {
      language: "fr",
      title: "Données personnelles",
      body: `<h1>Données personnelles</h1><p>${escaped(name)} garde seulement des données de personnes inventées, aussi longtemps que le bac à sable existe. Contact : ${escaped(contact)}.</p>`,
    }),
  );
  router.get(PUBLIC_PATHS.incidents, (_request, response) =>
    sendPage(response, 200, {
      language: "fr",
      title: "Incidents",
      body: `<h1>Incidents</h1><p>Aucun incident connu. ${escaped(name)} prévient les personnes et l’autorité en 24 heures.</p>`,
    }),
  );
  return router;
}
