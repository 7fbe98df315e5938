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

/** What follows this one: the same program, with these migrations too, by file name. */
export async function nextRelease(migrations: Record<string, string>): Promise<Release> {
  const folder = await mkdtemp(join(tmpdir(), "relais-release-"));
  for (const part of PARTS) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [name, sql] of Object.entries(migrations)) await writeFile(join(folder, "src/postgres/migrations", name), sql);
  return {
    main: join(folder, "src/main.ts"),
    operate: join(folder, "src/operate.ts"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
