import type { BrowserContext, BrowserContextOptions } from "playwright-core";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { createHttpApp, listen } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openContext, startBrowser } from "./browser.ts";
import { REGISTER_PORTS } from "./charter.ts";
import { NO_STANDINGS } from "./no-standings.ts";
import { freePort } from "./ports.ts";
import type { Resident, SandboxWorld } from "./sandbox-world.ts";

/** The portal over a sandbox world, and a browser in which one of its residents is signed in. */
export interface WorldPortal extends AsyncDisposable {
  origin: string;
  context(options: BrowserContextOptions): Promise<BrowserContext>;
}

const OPERATOR = { name: "Région test", contact: "https://region.example/contact" };

async function unreachable(): Promise<never> {
  throw new RelaisError("peer_unavailable", "Nobody answers.");
}

export async function startWorldPortal(world: SandboxWorld, { personId }: Resident): Promise<WorldPortal> {
  await using owned = new AsyncDisposableStack();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const nobody = { network: { fetchFor: () => unreachable }, sealer: { seal: unreachable, ephemeralProofs: () => unreachable } };
  const ports = { ...world.ports, issuer: origin, adapters: ADAPTERS, operator: OPERATOR, ...nobody, ...REGISTER_PORTS, staff: NOBODY };
  const app = createHttpApp(
    { ...ports, standings: NO_STANDINGS, callers: { verify: unreachable, verifyRegister: unreachable } },
    {
      issuer: origin,
      mounted: [createPages(ports)],
      page: (error, { language, ...reader }) =>
        renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: OPERATOR }),
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  owned.use(await listen(app, { host: "127.0.0.1", port }));
  const browser = owned.adopt(await startBrowser(), (open) => open.close());
  const { token } = await startSession(ports, { issuer: "https://id.test", subject: personId, displayName: "Camille" });
  const kept = owned.move();
  return {
    origin,
    context: async (options) => {
      const context = await openContext(browser, options);
      await context.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
      return context;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
