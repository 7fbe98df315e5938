import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Request, Response } from "express";

const TYPES = {
  "relais.css": "text/css; charset=utf-8",
  "live.js": "text/javascript; charset=utf-8",
  "passkeys.js": "text/javascript; charset=utf-8",
  "mark.svg": "image/svg+xml",
} as const;
type AssetName = keyof typeof TYPES;

interface Asset {
  type: string;
  body: Buffer;
  href: string;
}

const ASSETS = new Map<string, Asset>(Object.keys(TYPES).map((name) => [name, load(name as AssetName)]));

function load(name: AssetName): Asset {
  const own = readFileSync(new URL(`./assets/${name}`, import.meta.url));
  const body = name === "passkeys.js" ? Buffer.concat([passkeyLibrary(), Buffer.from("\n"), own]) : own;
  const tag = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  return { type: TYPES[name], body, href: `/assets/${tag}/${name}` };
}

/** The browser's half of the library, as its author builds it for pages without a bundler. */
function passkeyLibrary(): Buffer {
  return readFileSync(new URL("../dist/bundle/index.umd.min.js", import.meta.resolve("@simplewebauthn/browser")));
}

/** Address of a static file; it changes with the content, so a browser may keep it for ever. */
export function assetHref(name: string): string {
  const asset = ASSETS.get(name);
  if (!asset) throw new Error(`no asset ${name}`);
  return asset.href;
}

export function sendAsset(request: Request, response: Response, next: () => void): void {
  const asset = ASSETS.get(String(request.params["name"]));
  if (!asset) return next();
  const isCurrent = request.baseUrl + request.path === asset.href;
  response
    .set("Content-Type", asset.type)
    .set("Cache-Control", isCurrent ? "public, max-age=31536000, immutable" : "no-cache")
    .send(asset.body);
}
