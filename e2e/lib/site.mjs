// Ceremonies as a website's script performs them, with the outcome as plain data.

/**
 * `navigator.credentials.create` with JSON options.
 *
 * Resolves with `{credential, outputs}` or `{error: {name, message}}`. `outputs` are the client extension results with
 * every buffer as base64url: unlike `credential`, they are not meant for a server.
 */
export function create(page, publicKey) {
  return page.evaluate(ceremony, { kind: "create", publicKey });
}

/** `navigator.credentials.get`, likewise. */
export function get(page, publicKey) {
  return page.evaluate(ceremony, { kind: "get", publicKey });
}

/** Registers at the playground that the page belongs to: `{credential, outputs, accepted}`, `{…, refused}` or `{error}`. */
export async function register(page, wish) {
  return atPlayground(page, "register", create, wish);
}

/** Signs in at the playground, likewise. */
export async function signIn(page, wish = {}) {
  return atPlayground(page, "sign-in", get, wish);
}

async function atPlayground(page, path, perform, wish) {
  const begun = await api(page, `/api/${path}/begin`, wish);
  if (begun.error !== undefined) throw new Error(`the playground says: ${begun.error}`);
  const outcome = await perform(page, begun.publicKey);
  if (outcome.error !== undefined) return outcome;
  const { session: _session, error, ...accepted } = await api(page, `/api/${path}/finish`, {
    ceremony: begun.ceremony,
    credential: outcome.credential,
  });
  return error === undefined ? { ...outcome, accepted } : { ...outcome, refused: error };
}

function api(page, path, body) {
  return page.evaluate(
    async ({ path, body }) => {
      const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      return answer.json();
    },
    { path, body },
  );
}

/** Runs in the page, hence on its own. */
async function ceremony({ kind, publicKey }) {
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const plain = (value) => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return text(value.buffer ?? value);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
  };
  try {
    const credential =
      kind === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
    const json = credential.toJSON();
    if (json.clientExtensionResults.prf !== undefined) delete json.clientExtensionResults.prf.results;
    return { credential: json, outputs: plain(credential.getClientExtensionResults()) };
  } catch (error) {
    return { error: { name: error.name, message: error.message } };
  }
}
