import { createHash } from "node:crypto";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { startProcess, temporaryFolder, type ServerProcess } from "./server-process.ts";

export const WEBDAV_USER = "camille";
export const WEBDAV_PASSWORD = "app password é";

/** apache2 with mod_dav and Basic auth, on loopback. Files lie in `folder/data`. */
export async function startApache(): Promise<ServerProcess> {
  const port = await freePort();
  const folder = await servedFolder("apache");
  await writeFile(join(folder, "apache.conf"), apacheConfiguration(folder, port));
  return startProcess("/usr/sbin/apache2", ["-f", join(folder, "apache.conf"), "-D", "FOREGROUND"], {
    url: `http://127.0.0.1:${port}/dav/`,
    folder,
  });
}

/** With `data` to serve and the one who may. Started by root, both servers serve as www-data (33 on Debian), who must reach the files. */
async function servedFolder(name: string): Promise<string> {
  const folder = await temporaryFolder(name);
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "users"), `${WEBDAV_USER}:{SHA}${createHash("sha1").update(WEBDAV_PASSWORD).digest("base64")}\n`);
  if (process.getuid?.() === 0) for (const path of [folder, join(folder, "data")]) await chown(path, 33, 33);
  await chmod(folder, 0o755);
  return folder;
}

function apacheConfiguration(folder: string, port: number): string {
  const modules = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "mime", "alias", "dav", "dav_fs"];
  return `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
ServerRoot "${folder}"
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile "${folder}/pid"
ErrorLog "${folder}/error.log"
${process.getuid?.() === 0 ? "User www-data\nGroup www-data" : ""}
TypesConfig /etc/mime.types
DavLockDB "${folder}/locks"
Alias /dav "${folder}/data"
<Directory "${folder}/data">
  Dav On
  AuthType Basic
  AuthName relais
  AuthUserFile "${folder}/users"
  Require valid-user
</Directory>
`;
}

/** nginx with its dav modules and Basic auth, on loopback. Files lie in `folder/data`; beside it is where bodies wait. */
export async function startNginx(): Promise<ServerProcess> {
  const port = await freePort();
  const folder = await servedFolder("nginx");
  await writeFile(join(folder, "nginx.conf"), nginxConfiguration(folder, port));
  return startProcess("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")], {
    url: `http://127.0.0.1:${port}/`,
    folder,
  });
}

function nginxConfiguration(folder: string, port: number): string {
  return `load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off;
${process.getuid?.() === 0 ? "user www-data;" : ""}
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_max_body_size 0;
  client_body_temp_path ${folder}/bodies;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/data;
    location / {
      auth_basic relais;
      auth_basic_user_file ${folder}/users;
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS;
    }
  }
}
`;
}

/** `rclone serve webdav`, on loopback. */
export async function startRclone(): Promise<ServerProcess> {
  const port = await freePort();
  const folder = await temporaryFolder("rclone");
  await mkdir(join(folder, "data"));
  const args = [
    "serve",
    "webdav",
    join(folder, "data"),
    "--addr",
    `127.0.0.1:${port}`,
    "--user",
    WEBDAV_USER,
    "--pass",
    WEBDAV_PASSWORD,
    "--config",
    join(folder, "none"),
  ];
  return startProcess("rclone", args, { url: `http://127.0.0.1:${port}/`, folder });
}
