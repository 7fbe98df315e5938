import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that tests run against, and the Debian package that brings each. */
const PROGRAMS: [program: string, names: string[], debian: string, other: string][] = [
  ["Redis", ["redis-server"], "redis-server", "redis"],
  ["Chromium", ["chromium", "chromium-browser", "google-chrome"], "chromium", "chromium"],
  ["Apache httpd", ["apache2", "httpd"], "apache2", "httpd"],
  ["rclone", ["rclone"], "rclone", "rclone"],
  // Software that is not ours checks what we sign.
  ["Python", ["python3"], "python3", "python"],
  ["OpenSSL", ["openssl"], "openssl", "openssl"],
];

/** Installs what is missing where this machine allows it; otherwise says what to install. Nothing is skipped in silence. */
export function completeMachine(say: (line: string) => void): void {
  const missing = PROGRAMS.filter(([, names]) => !names.some(isOnPath));
  if (missing.length === 0) return;
  const packages = missing.map(([, , debian]) => debian);
  if (mayInstall()) install(packages, say);
  const left = PROGRAMS.filter(([, names]) => !names.some(isOnPath));
  if (left.length === 0) return;
  throw new Error(
    `The tests need ${left.map(([program]) => program).join(", ")}. Install them: on Debian and Ubuntu "apt-get install ${left.map(([, , debian]) => debian).join(" ")}", on macOS "brew install ${left.map(([, , , other]) => other).join(" ")}".`,
  );
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && isOnPath("apt-get");
}

/** The packages' own services stay down: the tests start what they need, on ports of their own. */
function install(packages: string[], say: (line: string) => void): void {
  say(`installing ${packages.join(", ")} …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const words = ["install", "-y", "--no-install-recommends", ...packages];
  if (spawnSync("apt-get", words, { env: environment, stdio: ["ignore", "ignore", "inherit"] }).status === 0) return;
  execFileSync("apt-get", ["update"], { env: environment, stdio: ["ignore", "ignore", "inherit"] });
  spawnSync("apt-get", words, { env: environment, stdio: ["ignore", "ignore", "inherit"] });
}

function isOnPath(name: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
