// The playground's page: asks the server for options, the browser for a passkey, and says in plain words what came of it.

const $ = (id) => document.getElementById(id);
let member = null; // { session, user, credential } after a sign-in

/** What the note's key is derived from. Any fixed text does; it is public. */
const NOTE_SALT = base64url(new TextEncoder().encode("claviger playground note"));

$("sign-up-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void during(() => signUp($("name").value.trim()));
});
$("sign-in").addEventListener("click", () => during(() => signIn({})));
$("sign-in-name").addEventListener("click", () => during(() => signIn({ name: $("name").value.trim() })));
$("add").addEventListener("click", () => during(() => signUp(member.user.name)));
$("sign-out").addEventListener("click", () => show(null));
$("lock-note").addEventListener("click", () => during(lockNote));
$("open-note").addEventListener("click", () => during(openNote));
void showAbilities();
// An extension that has just been started attaches a moment later, and one that rests comes back.
setTimeout(showAbilities, 1500);
addEventListener("focus", () => void showAbilities());

/** Creates a passkey for an account, new or existing. */
async function signUp(name) {
  const wish = {
    name,
    userVerification: $("verification").value,
    algorithms: $("algorithm").value.split(",").map(Number),
    attachment: $("attachment").value || null,
    attestation: $("attestation").value,
    extensions: { prf: {} },
  };
  const { ceremony, publicKey } = await api("POST", "/api/register/begin", wish);
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  const json = withoutSecrets(credential);
  show(await api("POST", "/api/register/finish", { ceremony, credential: json }));
  report("good", `A passkey for ${name} was created and accepted.`, json);
}

/** Signs in; returns what the extensions gave, which is not sent anywhere. */
async function signIn({ name = null, credential: id = null, extensions = {} }) {
  const wish = { name, credential: id, userVerification: $("verification").value, extensions };
  const { ceremony, publicKey } = await api("POST", "/api/sign-in/begin", wish);
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  const json = withoutSecrets(credential);
  show(await api("POST", "/api/sign-in/finish", { ceremony, credential: json }));
  report("good", `${member.user.name} signed in${member.credential.userVerified ? ", verified" : ", not verified"}.`, json);
  return { id: credential.id, outputs: credential.getClientExtensionResults() };
}

async function lockNote() {
  const text = $("note").value;
  const { id, key } = await noteKey(null);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(text));
  await api("PUT", "/api/note", { credential: id, iv: base64url(iv), sealed: base64url(new Uint8Array(sealed)) });
  $("note").value = "";
  $("open-note").disabled = false;
  report("good", "The note was encrypted in this page and stored by the website, which cannot read it.", null);
}

async function openNote() {
  const stored = await api("GET", "/api/note");
  if (stored === null) return report("bad", "There is no note.", null);
  const { key } = await noteKey(stored.credential);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(stored.iv) }, key, bytes(stored.sealed));
  $("note").value = new TextDecoder().decode(plain);
  report("good", "The note was decrypted with the passkey's key.", null);
}

/** Lets a passkey of the member make the note's key. */
async function noteKey(credential) {
  const { id, outputs } = await signIn({ name: member.user.name, credential, extensions: { prf: { eval: { first: NOTE_SALT } } } });
  const secret = outputs.prf?.results?.first;
  if (secret === undefined) throw new Error("This passkey's provider has no PRF.");
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: new TextEncoder().encode("note v1") };
  return { id, key: await crypto.subtle.deriveKey(parameters, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]) };
}

/** The credential as JSON, less what only this page may know. */
function withoutSecrets(credential) {
  const json = credential.toJSON();
  if (json.clientExtensionResults.prf !== undefined) delete json.clientExtensionResults.prf.results;
  return json;
}

async function during(action) {
  const buttons = [...document.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  document.body.ariaBusy = "true";
  try {
    await action();
  } catch (error) {
    report("bad", explain(error), { name: error.name, message: error.message });
  } finally {
    for (const button of buttons) button.disabled = false;
    document.body.ariaBusy = "false";
  }
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "No: it was refused, took too long, or no passkey fits. A website is not told which.";
    case "InvalidStateError":
      return "There is already a passkey for this account here.";
    case "SecurityError":
      return "The browser found that this website may not ask for that.";
    case "AbortError":
      return "The page gave up.";
    default:
      return `No: ${error.message}`;
  }
}

function show(next) {
  member = next;
  $("visitor").hidden = next !== null;
  $("member").hidden = next === null;
  $("note").value = "";
  if (next === null) return;
  $("who").textContent = next.user.displayName;
  $("open-note").disabled = !next.user.hasNote;
  $("passkeys").replaceChildren(...next.user.passkeys.map(describePasskey));
}

function describePasskey(passkey) {
  const item = document.createElement("li");
  const small = document.createElement("small");
  const algorithm = { "-7": "ES256", "-8": "Ed25519", "-257": "RS256" }[passkey.algorithm] ?? passkey.algorithm;
  const backup = !passkey.backupEligible ? "bound to one device" : passkey.backedUp ? "backed up" : "can be backed up";
  small.textContent = `${algorithm} · ${passkey.userVerified ? "verified" : "not verified"} at sign-up · ${backup} · attestation: ${passkey.attestation}`;
  item.append(`Passkey ${passkey.id.slice(0, 12)}…${passkey.id === member.credential.id ? " (just used)" : ""}`, small);
  return item;
}

function report(tone, text, detail) {
  const item = document.createElement("li");
  item.className = tone;
  const strong = document.createElement("strong");
  strong.textContent = text;
  item.append(strong);
  if (detail !== null) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = "what the browser answered";
    const pre = document.createElement("pre");
    pre.textContent = JSON.stringify(detail, null, 2);
    details.append(summary, pre);
    item.append(details);
  }
  $("events").querySelector(".quiet")?.remove();
  $("events").prepend(item);
}

async function showAbilities() {
  const capabilities = (await PublicKeyCredential.getClientCapabilities?.()) ?? {};
  const platform = await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  const abilities = { "passkeys on this device": platform, "security keys by phone": capabilities.hybridTransport === true, autofill: capabilities.conditionalGet === true };
  $("abilities").replaceChildren(
    ...Object.entries(abilities).map(([text, able]) => {
      const item = document.createElement("li");
      item.className = able ? "yes" : "no";
      item.textContent = text;
      return item;
    }),
  );
}

async function api(method, path, body) {
  const headers = { "content-type": "application/json", ...(member === null ? {} : { authorization: `Bearer ${member.session}` }) };
  const answer = await fetch(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
}

function base64url(data) {
  return btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
