// A hostile OpenID provider: it speaks discovery, authorisation, token and JWKS rightly, and puts any token asked for into
// its answers. Also an issuer of tokens for signed headers and for back-channel logout.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { fresh, jws, makeKey, now } from "./jws.mjs";
import { makePeople } from "./people.mjs";
import { freePort } from "./stack.mjs";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** A claim or header that is set to this is left out. */
export const ABSENT = undefined;

/** Changes laid over what is right. */
const spoiled = (right, changes = {}) => Object.fromEntries(Object.entries({ ...right, ...changes }).filter(([, value]) => value !== ABSENT));

/** Both ways in which a public key was ever taken for an HMAC secret. */
export const publicKeyAsSecret = {
  pem: (key) => key.publicKey.export({ type: "spki", format: "pem" }),
  pkcs1: (key) => key.publicKey.export({ type: "pkcs1", format: "pem" }),
  jwk: (key) => JSON.stringify(key.publicJwk),
  der: (key) => key.publicKey.export({ type: "spki", format: "der" }),
  modulus: (key) => Buffer.from(key.publicJwk.n, "base64url"),
};

/** Starts it. What is issued is changed by `signer.plan`, see there. */
export async function startSigner({ clientId = "sluice", clientSecret = fresh(24), people = makePeople(), alg = "RS256" } = {}) {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const counts = { discovery: 0, jwks: 0, token: 0, redirected: 0 };
  const key = makeKey(alg);
  const codes = new Map();
  const signer = {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    clientId,
    clientSecret,
    people,
    counts,
    /** The key that is published, and one that never is. */
    key,
    stranger: makeKey(alg, key.kid),
    /** What is published: change it at will. */
    published: [key.publicJwk],
    /** What discovery says, laid over what is right. */
    metadata: {},
    /** Where JWKS and discovery send those who ask, instead of answering. */
    redirectTo: null,
    /**
     * What is wrong with the next sign-ins: `claims`, `header`, `response` (parameters of the redirect back) and `token` (the
     * token endpoint's answer) are laid over what is right; `key` signs (null: nothing does); `raw` replaces the ID token.
     * A function is called with what is right.
     */
    plan: {},
    /** Who signs in. */
    person: people.greta,
    /** The last authorisation request's parameters. */
    asked: null,
  };
  const laid = (right, changes) => spoiled(right, typeof changes === "function" ? changes(right) : changes);

  /** Signs: right header, unless changed. */
  signer.sign = (claims, header = {}, by = key) => jws(spoiled({ alg, kid: key.kid, typ: "JWT" }, header), spoiled(claims), by?.privateKey ?? by);

  /** The claims of a right ID token for the person. */
  signer.claims = (person = signer.person, changes = {}) =>
    spoiled({ iss: issuer, aud: clientId, iat: now(), exp: now(300), auth_time: now(), ...structuredClone(person) }, changes);

  signer.idToken = (claims, { header, key: by = key } = {}) => signer.sign(claims, header, by);

  /** A logout token; right, unless changed. */
  signer.logoutToken = (changes = {}, header = {}, by = key) =>
    signer.sign(spoiled({ iss: issuer, aud: clientId, iat: now(), exp: now(120), jti: fresh(), events: { [EVENT]: {} } }, changes), { typ: "logout+jwt", ...header }, by);

  signer.env = () => ({ SLUICE_AUTH: "oidc", SLUICE_OIDC_ISSUER: issuer, SLUICE_OIDC_CLIENT_ID: clientId, SLUICE_OIDC_CLIENT_SECRET: clientSecret });

  /** As the issuer of an access proxy's header. */
  signer.headerEnv = (header = "X-Forwarded-Access-Token") => ({
    SLUICE_AUTH: "signed-header",
    SLUICE_JWT_HEADER: header,
    SLUICE_JWT_JWKS_URL: signer.jwksUrl,
    SLUICE_JWT_ISSUER: issuer,
    SLUICE_JWT_AUDIENCE: clientId,
  });

  const json = (response, value, status = 200) => {
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(value));
  };
  const redirect = (response, to) => {
    response.writeHead(303, { location: to });
    response.end();
  };

  function authorise(response, params) {
    signer.asked = Object.fromEntries(params);
    const code = fresh(24);
    codes.set(code, { ...signer.asked, person: structuredClone(signer.person), plan: signer.plan });
    const back = laid({ code, state: params.get("state"), iss: issuer }, signer.plan.response);
    redirect(response, `${params.get("redirect_uri")}?${new URLSearchParams(back)}`);
  }

  /** Strict about what Sluice has to send, so that a flow that works here proves it. */
  function token(response, request, form) {
    const wanted = Buffer.from(`Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64")}`);
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return json(response, { error: "invalid_client" }, 401);
    const flow = codes.get(form.get("code"));
    codes.delete(form.get("code"));
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    const good = flow && flow.code_challenge_method === "S256" && flow.code_challenge === challenge && flow.redirect_uri === form.get("redirect_uri");
    if (!good) return json(response, { error: "invalid_grant" }, 400);
    const { plan } = flow;
    const claims = laid(signer.claims(flow.person, { nonce: flow.nonce }), plan.claims);
    const id_token = plan.raw ? plan.raw(claims) : signer.idToken(claims, { header: plan.header, key: plan.key });
    json(response, laid({ access_token: fresh(24), token_type: "Bearer", expires_in: 300, id_token }, plan.token));
  }

  async function answer(request, response) {
    const url = new URL(request.url, issuer);
    if (url.pathname === "/elsewhere") {
      counts.redirected += 1;
      return json(response, { keys: [key.publicJwk] });
    }
    if (signer.redirectTo && url.pathname !== "/authorize" && url.pathname !== "/token") return redirect(response, signer.redirectTo);
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        counts.discovery += 1;
        return json(response, spoiled({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: signer.jwksUrl,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: [alg, "none", "HS256"],
          token_endpoint_auth_methods_supported: ["client_secret_basic"],
          code_challenge_methods_supported: ["S256"],
          authorization_response_iss_parameter_supported: true,
          backchannel_logout_supported: true,
          backchannel_logout_session_supported: true,
        }, signer.metadata));
      case "/jwks":
        counts.jwks += 1;
        return json(response, { keys: signer.published });
      case "/authorize":
        return authorise(response, url.searchParams);
      case "/token": {
        counts.token += 1;
        let body = "";
        for await (const chunk of request) body += chunk;
        return token(response, request, new URLSearchParams(body));
      }
      default:
        return json(response, { error: "not_found" }, 404);
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  signer.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return signer;
}
