// A real OpenID provider (npm's oidc-provider) on a loopback port, with a login form of our own and handles for what goes
// wrong in life: people change groups, keys roll over, the provider is down, a session is ended over there.
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { fresh, jws, makeKey, now } from "./jws.mjs";
import { makePeople } from "./people.mjs";
import { freePort } from "./stack.mjs";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** What is counted, by path. */
const COUNTED = {
  "/.well-known/openid-configuration": "discovery",
  "/jwks": "jwks",
  "/token": "token",
  "/auth": "authorize",
  "/session/end": "endSession",
};

/** What the provider remembers; outlives a change of its keys. */
class Memory {
  static shelves = () => new Map();
  constructor(model, shelves) {
    this.model = model;
    this.shelf = shelves.get(model) ?? shelves.set(model, new Map()).get(model);
  }
  upsert = async (id, payload) => void this.shelf.set(id, structuredClone(payload));
  find = async (id) => structuredClone(this.shelf.get(id));
  findByUid = async (uid) => structuredClone([...this.shelf.values()].find((payload) => payload.uid === uid));
  findByUserCode = async () => undefined;
  destroy = async (id) => void this.shelf.delete(id);
  consume = async (id) => void (this.shelf.get(id).consumed = now());
  revokeByGrantId = async (grantId) => {
    for (const [id, payload] of this.shelf) if (payload.grantId === grantId) this.shelf.delete(id);
  };
}

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const html = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

async function formOf(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

/** What Sluice registers: everything at `base`. */
export function sluiceClient(base) {
  return {
    client_id: "sluice",
    client_secret: fresh(24),
    token_endpoint_auth_method: "client_secret_basic",
    redirect_uris: [`${base}/auth/callback`],
    post_logout_redirect_uris: [`${base}/sign-in?out=1`],
    backchannel_logout_uri: `${base}/auth/back-channel`,
    backchannel_logout_session_required: true,
    response_types: ["code"],
    grant_types: ["authorization_code"],
  };
}

/**
 * Starts it, on a free port unless told one. `clients` as in dynamic registration. The host is `localhost` where Sluice's is
 * 127.0.0.1, so that the two are different sites to the browser and its rules for cookies apply as they do in life.
 */
export async function startOp({ clients, people = makePeople(), port }) {
  port ??= await freePort();
  const issuer = `http://localhost:${port}`;
  const shelves = Memory.shelves();
  const cookieKeys = [fresh()];
  const counts = { discovery: 0, jwks: 0, token: 0, authorize: 0, endSession: 0 };
  const complaints = [];
  let keys = [makeKey("RS256")];
  let provider;
  // How old the next sign-in claims to be, in seconds.
  let aged = 0;
  let answersWith = null;

  const bySub = (sub) => Object.values(people).find((person) => person.sub === sub);

  function build() {
    provider = new Provider(issuer, {
      adapter: class extends Memory {
        constructor(model) {
          super(model, shelves);
        }
      },
      clients,
      jwks: { keys: keys.map((key) => key.privateJwk) },
      cookies: { keys: cookieKeys },
      // Claims are in the ID token itself, as Entra ID, Okta and Keycloak have them.
      conformIdTokenClaims: false,
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
      scopes: ["openid"],
      pkce: { required: () => true },
      // By itself it sends no logout token to a loopback address.
      fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
      findAccount: async (_ctx, sub) => {
        const person = bySub(sub);
        return person && { accountId: sub, claims: async () => structuredClone(person) };
      },
      // Nobody is asked for consent within one company.
      loadExistingGrant: async (ctx) => {
        const { session, client } = ctx.oidc;
        const id = session.grantIdFor(client.clientId);
        let grant = id && (await provider.Grant.find(id));
        if (grant?.accountId !== session.accountId) grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
        grant.addOIDCScope("openid profile email");
        await grant.save();
        return grant;
      },
      interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 86_400, IdToken: 3600, Interaction: 600, Session: 86_400 },
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: (ctx, form) => {
            ctx.body = html("Sign out of the provider?", `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out everywhere</button>`);
          },
          postLogoutSuccessSource: (ctx) => void (ctx.body = html("Signed out", "")),
        },
      },
      renderError: (ctx, out) => {
        complaints.push(out);
        ctx.type = "text/plain";
        ctx.body = `${out.error}: ${out.error_description}\n`;
      },
    });
    for (const name of ["server_error", "backchannel.error"]) provider.on(name, (_ctx, error) => complaints.push(error));
  }
  build();

  /** The login form: a button for each person. */
  async function interact(request, response) {
    const { prompt, params } = await provider.interactionDetails(request, response);
    if (request.method === "POST") {
      const person = people[(await formOf(request)).get("person")];
      const login = person ? { accountId: person.sub, ts: now(-aged) } : undefined;
      aged = 0;
      const result = login ? { login } : { error: "access_denied", error_description: "nobody was chosen" };
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const buttons = Object.entries(people).map(([key, { name }]) => `<p><button name="person" value="${key}">${escape(name)}</button></p>`);
    const cancel = `<p><button name="person" value="">Cancel</button></p>`;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(html("Who are you?", `<p>${escape(params.client_id)} asks (${prompt.name}).</p><form method="post">${buttons.join("")}${cancel}</form>`));
  }

  function count({ url }) {
    const { pathname } = new URL(url, issuer);
    if (COUNTED[pathname]) counts[COUNTED[pathname]] += 1;
  }

  const server = createServer((request, response) => {
    count(request);
    if (answersWith) {
      response.statusCode = answersWith;
      return response.end("out of order\n");
    }
    if (request.url === "/favicon.ico") {
      // Browsers ask, and would complain.
      response.statusCode = 204;
      return response.end();
    }
    if (!request.url.startsWith("/interaction/")) return provider.callback()(request, response);
    interact(request, response).catch((error) => {
      complaints.push(error);
      response.statusCode = 400;
      response.end("this sign-in is over\n");
    });
  });
  const up = () => new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const down = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  await up();

  const sessionsOf = (person) => [...(shelves.get("Session") ?? [])].filter(([, session]) => session.accountId === person.sub);

  return {
    issuer,
    people,
    counts,
    /** What the provider refused or failed at, newest last. */
    complaints,
    /** What Sluice is told of this provider; `client` is one of `clients`. */
    env: (client) => ({
      SLUICE_AUTH: "oidc",
      SLUICE_OIDC_ISSUER: issuer,
      SLUICE_OIDC_CLIENT_ID: client.client_id,
      SLUICE_OIDC_CLIENT_SECRET: client.client_secret,
    }),
    /** Signs with a new key from now on; the old one stays published unless `dropOld`. */
    rotate({ dropOld = false } = {}) {
      keys = [makeKey("RS256"), ...(dropOld ? [] : keys)];
      build();
    },
    /**
     * A visitor without scripts goes through here: from the answer that leads to this provider, as `person` where it asks
     * (the key in `people`, or "" for Cancel), to what leads to an address that `until` matches.
     */
    async pass(visitor, answer, person, until = /\/auth\/callback/) {
      for (let steps = 5; steps; steps -= 1) {
        answer = await visitor.follow(answer, until);
        if (answer.location || !answer.url.startsWith(issuer)) return answer;
        if (!/<form/.test(answer.text)) break;
        // The other form is the provider's own, which scripts would send: it forgets who was signed in before.
        answer = await visitor.submit(answer, answer.url.includes("/interaction/") ? { person } : { logout: "yes" });
      }
      throw new Error(`the provider stops with ${answer.status}: ${answer.text.slice(0, 200)}`);
    },
    down,
    up,
    /** Answers everything with this status; null ends it. */
    answerWith: (status) => void (answersWith = status),
    /** The next sign-in is said to be this old. */
    ageNext: (seconds) => void (aged = seconds),
    /** How many sessions somebody has at the provider. */
    sessions: (person) => sessionsOf(person).length,
    /** The session id that the provider told this client. */
    sid: (person, clientId = "sluice") => sessionsOf(person).map(([, session]) => session.authorizations?.[clientId]?.sid).find(Boolean),
    /** Ends all sessions of a person here, as an administrator would, and tells the clients. Rejects when one does not say 200. */
    async terminate(person) {
      for (const [id, session] of sessionsOf(person)) {
        shelves.get("Session").delete(id);
        for (const [clientId, { sid }] of Object.entries(session.authorizations ?? {})) {
          const client = await provider.Client.find(clientId);
          if (client.backchannelLogoutUri) await client.backchannelLogout(person.sub, sid);
        }
      }
    },
    /** A logout token of our own making, signed with the provider's key: right, unless `changes` or `header` spoil it. */
    logoutToken: (changes, header = {}) =>
      jws(
        { alg: "RS256", kid: keys[0].kid, typ: "logout+jwt", ...header },
        { iss: issuer, aud: "sluice", iat: now(), exp: now(120), jti: fresh(), events: { [EVENT]: {} }, ...changes },
        keys[0].privateKey,
      ),
    stop: async () => {
      if (server.listening) await down();
    },
  };
}
