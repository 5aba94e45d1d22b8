// A browser's bare bones: cookies, forms and redirects, each step in the open, and any header a browser would never send.
import { request } from "node:http";

const NAMED = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" };
const sign = (code) => String.fromCodePoint(Number(code.replace(/^x/i, "0x")));

/** What a piece of HTML says as text. */
export const decode = (text) => text.replace(/&(?:#(x?[0-9a-f]+)|(\w+));/gi, (whole, code, name) => (code ? sign(code) : (NAMED[name] ?? whole)));

export class Visitor {
  /** By host name, as browsers keep them: ports don't tell cookies apart. */
  jar = new Map();

  /** `from`: a local address to come from. */
  constructor({ from, headers = {} } = {}) {
    this.from = from;
    this.headers = headers;
  }

  cookies(url) {
    return this.jar.get(new URL(url).hostname) ?? new Map();
  }

  #keep(url, lines = []) {
    const host = new URL(url).hostname;
    const kept = this.jar.get(host) ?? this.jar.set(host, new Map()).get(host);
    for (const line of lines) {
      const [pair, ...attributes] = line.split(/; */);
      const [name, ...value] = pair.split("=");
      const gone = attributes.some((attribute) => /^max-age=0$/i.test(attribute) || (/^expires=/i.test(attribute) && Date.parse(attribute.slice(8)) < Date.now()));
      if (gone) kept.delete(name);
      else kept.set(name, value.join("="));
    }
  }

  /** One request, no redirect followed. */
  send(method, url, { form, headers = {}, cookies = true } = {}) {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const jar = cookies ? [...this.cookies(url)].map(([name, value]) => `${name}=${value}`).join("; ") : "";
    const all = {
      accept: "text/html,*/*;q=0.8",
      ...(jar && { cookie: jar }),
      ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) }),
      ...(method !== "GET" && { origin: new URL(url).origin, "sec-fetch-site": "same-origin" }),
      ...this.headers,
      ...headers,
    };
    // A header that is set to undefined is not sent.
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, headers: sent, localAddress: this.from, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (data) => (text += data));
        answer.on("error", reject);
        answer.on("end", () => {
          this.#keep(url, answer.headers["set-cookie"]);
          const location = answer.headers.location && new URL(answer.headers.location, url).href;
          resolve({ status: answer.statusCode, headers: answer.headers, text, url: String(url), location });
        });
      });
      asked.on("error", reject);
      asked.setTimeout(20_000, () => asked.destroy(new Error(`${method} ${new URL(url).pathname}: no answer`)));
      asked.end(body);
    });
  }

  get = (url, options) => this.send("GET", url, options);
  post = (url, form, options) => this.send("POST", url, { form, ...options });

  /** Goes where an answer leads, until it leads nowhere or to what `until` matches, which is not asked for. */
  async follow(answer, until = /^$/) {
    for (let steps = 12; answer.location && !until.test(answer.location); steps -= 1) {
      if (!steps) throw new Error("redirects without an end");
      answer = await this.get(answer.location);
    }
    return answer;
  }

  /** Presses a button of a form on the page of `answer`: hidden fields go along. */
  submit(answer, fields = {}, action = /(?:)/) {
    for (const [, attributes, inside] of answer.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
      const attribute = (text, name) => {
        const found = text.match(new RegExp(`\\b${name}="([^"]*)"`));
        return found && decode(found[1]);
      };
      const to = new URL(attribute(attributes, "action") ?? answer.url, answer.url).href;
      if (!action.test(to)) continue;
      const hidden = [...inside.matchAll(/<input\b([^>]*)>/g)].filter(([, input]) => attribute(input, "type") === "hidden");
      const form = Object.fromEntries(hidden.map(([, input]) => [attribute(input, "name"), attribute(input, "value") ?? ""]));
      return this.post(to, { ...form, ...fields });
    }
    throw new Error(`no such form at ${new URL(answer.url).pathname} (${answer.status})`);
  }
}
