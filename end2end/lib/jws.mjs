// Keys and signed tokens, right ones and wrong ones, with nothing but Node's own cryptography.
import { createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const b64 = (value) => Buffer.from(typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString("base64url");

/** An identifier nobody has used before. */
export const fresh = (bytes = 12) => randomBytes(bytes).toString("base64url");

/** A key pair for one algorithm, with a key id: `{ alg, kid, privateKey, publicKey, publicJwk, privateJwk }`. */
export function makeKey(alg, kid = fresh()) {
  const pair =
    alg === "EdDSA"
      ? generateKeyPairSync("ed25519")
      : alg.startsWith("ES")
        ? generateKeyPairSync("ec", { namedCurve: alg === "ES384" ? "P-384" : "P-256" })
        : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = (key) => ({ ...key.export({ format: "jwk" }), kid, alg, use: "sig" });
  return { alg, kid, ...pair, publicJwk: jwk(pair.publicKey), privateJwk: jwk(pair.privateKey) };
}

/** How each algorithm is called in `node:crypto`. */
function signature(alg, key, input) {
  const hash = `sha${alg.slice(2)}`;
  if (alg === "EdDSA") return sign(null, input, key);
  if (alg.startsWith("ES")) return sign(hash, input, { key, dsaEncoding: "ieee-p1363" });
  if (alg.startsWith("PS")) return sign(hash, input, { key, padding: 6, saltLength: -1 });
  return sign(hash, input, key);
}

/**
 * A compact JWS. `header` is taken as it is; `key` is a private key, a secret (for HS…), or null for no signature at all.
 */
export function jws(header, claims, key) {
  const input = `${b64(header)}.${b64(claims)}`;
  if (key === null) return `${input}.`;
  const bytes = header.alg.startsWith("HS")
    ? createHmac(`sha${header.alg.slice(2)}`, key).update(input).digest()
    : signature(header.alg, key, Buffer.from(input));
  return `${input}.${b64(bytes)}`;
}

/** What a token says, unchecked. */
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/** Seconds since 1970, moved by some. */
export const now = (moved = 0) => Math.floor(Date.now() / 1000) + moved;
