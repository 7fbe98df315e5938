const { EDGES, PRODUCTS, ADAPTER_CONTRACT, ADAPTER_BUILTINS, CORE_BUILTINS, packagesOf } = require("./scripts/import-rules.cjs");

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const anyOf = (names) => names.map(escape).join("|");
const forbidden = (name, comment, from, to) => ({ name, comment, severity: "error", from: { path: from }, to });

/** Files of the tree (no package, no part of Node) outside these paths. */
const treeOutside = (...paths) => ({ path: "^(src|adapters|examples|test|scripts)/", pathNot: paths });
const packagesOutside = (names) => ({ path: "node_modules/", pathNot: names.map((name) => `node_modules/(@types/)?${escape(name)}/`) });
const builtinsOutside = (names) => ({ dependencyTypes: ["core"], pathNot: [`^(node:)?(${anyOf(names)})$`] });

const core = [
  forbidden("core-tree", "The core sees itself alone.", "^src/core/", treeOutside("^src/core/")),
  forbidden("core-packages", "The core needs no package.", "^src/core/", { path: "node_modules/" }),
  forbidden("core-builtins", "The core does no I/O: of Node it has digests alone.", "^src/core/", builtinsOutside(CORE_BUILTINS)),
];

const edges = Object.keys(EDGES).flatMap((edge) => [
  forbidden(
    `${edge}-tree`,
    "An edge sees the core, itself and telemetry; another edge is reached through a port.",
    `^src/${edge}/`,
    treeOutside("^src/core/", `^src/${edge}/`, "^src/telemetry/"),
  ),
  forbidden(`${edge}-packages`, "Each package belongs to one edge.", `^src/${edge}/`, packagesOutside(packagesOf(edge))),
]);

const products = Object.entries(PRODUCTS).flatMap(([folder, others]) => [
  forbidden(
    `${folder}-tree`,
    "It sees the core and its own folder.",
    `^src/${folder}/`,
    treeOutside("^src/core/", ...[folder, ...others].map((name) => `^src/${name}/`)),
  ),
  ...(packagesOf(folder) === undefined
    ? []
    : [
        forbidden(
          `${folder}-packages`,
          "It has the packages that the table gives it.",
          `^src/${folder}/`,
          packagesOutside(packagesOf(folder)),
        ),
      ]),
]);

const adapters = [
  forbidden(
    "adapter-tree",
    "An adapter sees its contract, core errors and its own folder.",
    "^adapters/([^/]+)/",
    treeOutside("^adapters/$1/", `^src/core/(${anyOf(ADAPTER_CONTRACT)})`),
  ),
  forbidden("adapter-packages", "An adapter needs no package.", "^adapters/", { path: "node_modules/" }),
  forbidden(
    "adapter-builtins",
    "The network comes to an adapter as the fetch it is handed.",
    "^adapters/",
    builtinsOutside(ADAPTER_BUILTINS),
  ),
];

/** An example shows what anybody can do with the two SDKs. */
const examples = [
  forbidden(
    "examples-tree",
    "An example sees the public files of the SDKs.",
    "^examples/",
    treeOutside("^examples/", "^src/(sdk|sdk-client)/[^/]+\\.ts$"),
  ),
];

const tree = [
  { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: ["^node:"] } },
  forbidden("no-tests-in-product", "The product does not know its tests and scripts.", "^(src|adapters)/", { path: "^(test|scripts)/" }),
  forbidden("config-alone", "The settings see the schema library alone.", "^src/(config|settings|nearest-name)\\.ts$", {
    path: "^(src|adapters|test|scripts)/",
    pathNot: "^src/(settings|nearest-name)\\.ts$",
  }),
  forbidden("launcher-alone", "The launcher runs before anything is installed.", "^src/launch\\.mjs$", {
    path: "^(src|adapters|test|scripts|node_modules)/",
  }),
  forbidden("main-is-the-top", "Nothing of the product imports main.", "^(src/[^/]+/|adapters/)", { path: "^src/main\\.ts$" }),
  forbidden("roles-packages", "A role wires the edges; packages are theirs.", "^src/roles/", { path: "node_modules/" }),
  forbidden("roles-are-wiring", "Only main imports the roles, and only they and main the settings.", "^(src/(?!roles/)[^/]+/|adapters/)", {
    path: "^src/((config|settings|nearest-name)\\.ts$|roles/)",
  }),
];

module.exports = {
  forbidden: [...core, ...edges, ...products, ...adapters, ...examples, ...tree],
  options: {
    tsPreCompilationDeps: true,
    detectJSDocImports: false,
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json"],
    },
  },
};
