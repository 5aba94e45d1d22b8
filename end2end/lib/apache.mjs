// Debian's Apache with mod_auth_openidc in front of Sluice, as a process of ours: no service, nothing outside a folder that
// goes with it. The rules on headers are those of docs/sso.md.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fresh } from "./jws.mjs";
import { start } from "./stack.mjs";

const MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy", "proxy_http", "auth_openidc"];
const MODULE_DIR = process.env.APACHE_MODULES ?? "/usr/lib/apache2/modules";

/** The headers that Sluice believes; nobody else may send them. */
export const TRUSTED = ["X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Sluice-Proxy-Secret"];

/** Every way to write a name with `-`, `_` and `.` in its gaps. */
export function spellings(name) {
  return name.split("-").reduce((all, part) => (all.length ? all.flatMap((begin) => ["-", "_", "."].map((gap) => begin + gap + part)) : [part]), []);
}

/** What this Apache registers at the provider. */
export function apacheClient(base) {
  return {
    client_id: "apache",
    client_secret: fresh(24),
    redirect_uris: [`${base}/oidc/callback`],
    post_logout_redirect_uris: [`${base}/oidc/bye`],
    response_types: ["code"],
    grant_types: ["authorization_code"],
  };
}

/** `upstream`: Sluice's own address; `secret`: what it wants of its proxy, or null. */
function configuration({ dir, port, upstream, issuer, client, secret }) {
  const base = `http://127.0.0.1:${port}`;
  const root = process.getuid() === 0;
  return `
ServerRoot "${dir}"
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile "${dir}/apache.pid"
DefaultRuntimeDir "${dir}"
Mutex file:${dir} default
DocumentRoot "${dir}/empty"
ErrorLog "${dir}/error.log"
LogLevel warn auth_openidc:warn
${root ? "User www-data\nGroup www-data" : ""}
${MODULES.map((name) => `LoadModule ${name}_module ${MODULE_DIR}/mod_${name}.so`).join("\n")}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
HttpProtocolOptions Strict
ProxyRequests Off
ProxyPreserveHost On

OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${client.client_id}
OIDCClientSecret ${client.client_secret}
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRedirectURI ${base}/oidc/callback
OIDCCryptoPassphrase ${fresh(32)}
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
OIDCClaimDelimiter ,
OIDCPassClaimsAs environment
OIDCPassIDTokenAs claims
OIDCPassRefreshToken Off
OIDCCookieSameSite On
OIDCCacheType shm

# What comes from outside under a name that Sluice believes, or one that looks like it, ends here.
${TRUSTED.flatMap(spellings).map((name) => `RequestHeader unset ${name}`).join("\n")}
# Set afresh, from what the provider said. A claim that is absent leaves the header absent.
RequestHeader set X-Forwarded-User "expr=%{REMOTE_USER}" "expr=-n %{REMOTE_USER}"
RequestHeader set X-Forwarded-Email "%{OIDC_CLAIM_email}e" env=OIDC_CLAIM_email
RequestHeader set X-Forwarded-Groups "%{OIDC_CLAIM_groups}e" env=OIDC_CLAIM_groups
${secret ? `RequestHeader set X-Sluice-Proxy-Secret "${secret}"` : ""}

<Directory />
  AllowOverride None
</Directory>
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location /healthz>
  AuthType None
  Require all granted
</Location>
<Location /oidc/bye>
  AuthType None
  Require all granted
</Location>
ProxyPass /oidc/ !
ProxyPass / ${upstream}/ keepalive=Off
`;
}

/** Starts it on `port`. */
export async function startApache(options) {
  const dir = await mkdtemp(join(tmpdir(), "sluice-apache-"));
  // Its workers run as somebody else when we are root.
  await chmod(dir, 0o755);
  await mkdir(join(dir, "empty"));
  const conf = join(dir, "apache.conf");
  await writeFile(conf, configuration({ dir, ...options }), { mode: 0o600 });
  const base = `http://127.0.0.1:${options.port}`;
  const errors = () => readFile(join(dir, "error.log"), "utf8").catch(() => "");
  const apache = await start(process.env.APACHE ?? "/usr/sbin/apache2", ["-f", conf, "-DFOREGROUND"], {}, `${base}/healthz`).catch(async (error) => {
    throw new Error(`${error.message}\n${await errors()}`);
  });
  return {
    url: base,
    log: errors,
    async stop() {
      await apache.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
