import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

type Needed = [program: string, names: string[], debian: string, other: string];

/** Programs that tests run against, and the Debian packages that bring each. */
const PROGRAMS: Needed[] = [
  ["Redis", ["redis-server"], "redis-server", "redis"],
  ["Chromium", ["chromium", "chromium-browser", "google-chrome"], "chromium", "chromium"],
  ["Apache httpd", ["apache2", "httpd"], "apache2", "httpd"],
  ["rclone", ["rclone"], "rclone", "rclone"],
  // Software that is not ours checks what we sign.
  ["Python", ["python3"], "python3", "python"],
  ["OpenSSL", ["openssl"], "openssl", "openssl"],
];
/** What `npm run bench` measures beside. */
const RIVALS: Needed[] = [
  ["nginx", ["nginx"], "nginx libnginx-mod-http-dav-ext", "nginx"],
  ["curl", ["curl"], "curl", "curl"],
  ["sha256sum", ["sha256sum"], "coreutils", "coreutils"],
];

/**
 * Installs what is missing where this machine allows it; otherwise says what to install. Nothing is skipped in silence.
 * `programs`: by their names above, where not all of the tests' are needed.
 */
export function completeMachine(say: (line: string) => void, programs?: string[]): void {
  const needed = programs === undefined ? PROGRAMS : [...PROGRAMS, ...RIVALS].filter(([program]) => programs.includes(program));
  const missing = needed.filter(([, names]) => !names.some(isOnPath));
  if (missing.length === 0) return;
  const packages = missing.flatMap(([, , debian]) => debian.split(" "));
  if (mayInstall()) install(packages, say);
  const left = needed.filter(([, names]) => !names.some(isOnPath));
  if (left.length === 0) return;
  throw new Error(
    `This needs ${left.map(([program]) => program).join(", ")}. Install them: on Debian and Ubuntu "apt-get install ${left.map(([, , debian]) => debian).join(" ")}", on macOS "brew install ${left.map(([, , , other]) => other).join(" ")}".`,
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
