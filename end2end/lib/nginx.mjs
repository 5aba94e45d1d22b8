// Debian's nginx with `auth_request` in front of Sluice, as a process of ours. Who somebody is, an endpoint of our own says,
// as oauth2-proxy, Authelia or Authentik do in life.
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fresh } from "./jws.mjs";
import { makePeople } from "./people.mjs";
import { start } from "./stack.mjs";

/** Answers `auth_request`: 200 with headers for a cookie it gave out, 401 otherwise. */
async function startGate(people) {
  const tickets = new Map();
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://gate.example");
    if (url.pathname === "/login") {
      const person = people[url.searchParams.get("as")];
      const ticket = fresh();
      if (person) tickets.set(ticket, person);
      response.writeHead(303, { location: "/domains", ...(person && { "set-cookie": `gate=${ticket}; Path=/; HttpOnly; SameSite=Lax` }) });
      return response.end();
    }
    const person = tickets.get(request.headers.cookie?.match(/(?:^|; )gate=([\w-]+)/)?.[1]);
    response.writeHead(person ? 200 : 401, person ? { "x-auth-user": person.sub, "x-auth-email": person.email, "x-auth-groups": person.groups.join(",") } : {});
    response.end();
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, forget: () => tickets.clear(), stop };
}

const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

function configuration({ dir, port, upstream, gate, secret }) {
  const headers = (user, email, groups, own) => `
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-User ${user};
      proxy_set_header X-Forwarded-Email ${email};
      proxy_set_header X-Forwarded-Groups ${groups};
      proxy_set_header X-Sluice-Proxy-Secret ${own};`;
  return `
${process.getuid() === 0 ? "user www-data;" : ""}
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log warn;
events { worker_connections 64; }
http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${dir}/${name};`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    server_name 127.0.0.1;
    # Both are the defaults, and both matter: a name with _ or . never gets through.
    underscores_in_headers off;
    ignore_invalid_headers on;
    client_max_body_size 42m;

    location = /gate {
      internal;
      proxy_pass ${gate}/;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
    location = /login {
      proxy_pass ${gate};
    }
    location = /healthz {
      proxy_pass ${upstream};${headers('""', '""', '""', '""')}
    }
    location / {
      auth_request /gate;
      auth_request_set $who $upstream_http_x_auth_user;
      auth_request_set $email $upstream_http_x_auth_email;
      auth_request_set $groups $upstream_http_x_auth_groups;
      # Replaces whatever came under these names; an empty value sends no header at all.${headers("$who", "$email", "$groups", `"${secret ?? ""}"`)}
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_pass ${upstream};
    }
  }
}
`;
}

/** Starts both on `port`. `GET {url}/login?as=greta` is how one signs in. */
export async function startNginx({ people = makePeople(), ...options }) {
  const dir = await mkdtemp(join(tmpdir(), "sluice-nginx-"));
  await chmod(dir, 0o755);
  const gate = await startGate(people);
  const conf = join(dir, "nginx.conf");
  await writeFile(conf, configuration({ dir, gate: gate.url, ...options }), { mode: 0o600 });
  const base = `http://127.0.0.1:${options.port}`;
  const errors = () => readFile(join(dir, "error.log"), "utf8").catch(() => "");
  const nginx = await start(process.env.NGINX ?? "/usr/sbin/nginx", ["-c", conf, "-p", dir, "-e", join(dir, "error.log")], {}, `${base}/healthz`).catch(async (error) => {
    await gate.stop();
    throw new Error(`${error.message}\n${await errors()}`);
  });
  return {
    url: base,
    people,
    log: errors,
    /** Everybody is signed out at the gate. */
    forget: gate.forget,
    async stop() {
      await nginx.stop();
      await gate.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
