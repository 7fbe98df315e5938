import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PARTS = ["src", "adapters", "policies", "package.json"];

/** A release of its own, in a folder of its own: its processes know other migrations than ours. */
export interface Release extends AsyncDisposable {
  main: string;
  operate: string;
}

/**
 * The release before this one, as it was committed; docs/upgrading.md says when the next one is named. Until a first version is tagged it is the commit
 * since which releases stand side by side.
 */
const BEFORE = "bb67342607c72e94ba0e146db01d3d64fd81d87f";

/** What a test that needs the release before is skipped for: it is in the history alone. */
export const noReleaseBefore = hasCommit(BEFORE)
  ? false
  : "the release before is in this repository's history, and this is no clone with its history, or git is not there";

/** What follows this one: the same program, with these migrations too, by file name. */
export const nextRelease = (migrations: Record<string, string>): Promise<Release> =>
  releaseIn(async (folder) => {
    for (const part of PARTS) await cp(join(ROOT, part), join(folder, part), { recursive: true });
    for (const [name, sql] of Object.entries(migrations)) await writeFile(join(folder, "src/postgres/migrations", name), sql);
  });

/** What came before this one: its program and its migrations, with the libraries of today. */
export const releaseBefore = (): Promise<Release> =>
  releaseIn((folder) => {
    const archive = execFileSync("git", ["archive", BEFORE, ...PARTS], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
  });

async function releaseIn(fill: (folder: string) => Promise<void> | void): Promise<Release> {
  const folder = await mkdtemp(join(tmpdir(), "relais-release-"));
  await fill(folder);
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return {
    main: join(folder, "src/main.ts"),
    operate: join(folder, "src/operate.ts"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** No status at all where there is no git. */
function hasCommit(commit: string): boolean {
  return spawnSync("git", ["cat-file", "-e", `${commit}^{commit}`], { cwd: ROOT }).status === 0;
}
