// The playground without a browser: what it asks for, and what it refuses.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Playground } from "../lib/playground.mjs";

let playground;
before(async () => (playground = await Playground.start()));
after(() => playground?.stop());

async function call(method, path, body, headers = {}) {
  const answer = await fetch(playground.origin + path, { method, headers: { "content-type": "application/json", ...headers }, body: body && JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}
const begin = async (wish) => (await call("POST", "/api/register/begin", wish)).json.publicKey;

test("the page is served with a policy that lets nothing foreign in", async () => {
  const answer = await fetch(playground.origin);
  assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
  assert.match(await answer.text(), /Claviger playground/);
});

test("a registration asks for what was wished", async () => {
  const options = await begin({ name: "alice", userVerification: "required", attachment: "platform", algorithms: [-8], attestation: "direct", timeout: 20_000, extensions: { prf: {} } });
  assert.equal(options.rp.id, "localhost");
  assert.equal(options.user.name, "alice");
  assert.deepEqual(options.pubKeyCredParams.map(({ alg }) => alg), [-8]);
  assert.equal(options.attestation, "direct");
  assert.equal(options.timeout, 20_000);
  assert.deepEqual(options.extensions.prf, {});
  const { userVerification, residentKey, requireResidentKey, authenticatorAttachment } = options.authenticatorSelection;
  assert.deepEqual({ userVerification, residentKey, requireResidentKey, authenticatorAttachment }, { userVerification: "required", residentKey: "required", requireResidentKey: true, authenticatorAttachment: "platform" });
});

test("every challenge is new", async () => {
  const challenges = new Set();
  for (let count = 0; count < 20; count += 1) challenges.add((await begin({ name: "bob" })).challenge);
  assert.equal(challenges.size, 20);
});

test("a sign-in without a name allows any discoverable passkey", async () => {
  const { json } = await call("POST", "/api/sign-in/begin", { userVerification: "discouraged" });
  assert.deepEqual(json.publicKey.allowCredentials, []);
  assert.equal(json.publicKey.userVerification, "discouraged");
});

test("what makes no sense is refused", async () => {
  for (const [path, body] of [
    ["/api/register/begin", { name: "" }],
    ["/api/register/begin", { name: "alice", algorithms: [-999] }],
    ["/api/sign-in/begin", { name: "nobody" }],
    ["/api/register/finish", { ceremony: 999_999, credential: {} }],
    ["/api/sign-in/finish", { ceremony: 999_999, credential: {} }],
  ]) {
    const { status, json } = await call("POST", path, body);
    assert.equal(status, 400, path);
    assert.equal(typeof json.error, "string");
  }
});

test("a ceremony can be finished once, and a made-up credential is not accepted", async () => {
  const { json } = await call("POST", "/api/register/begin", { name: "eve" });
  const credential = { id: "AAAA", rawId: "AAAA", type: "public-key", response: { attestationObject: "oA", clientDataJSON: "e30" } };
  assert.equal((await call("POST", "/api/register/finish", { ceremony: json.ceremony, credential })).status, 400);
  assert.match((await call("POST", "/api/register/finish", { ceremony: json.ceremony, credential })).json.error, /no such registration/);
  assert.deepEqual((await call("GET", "/api/accounts")).json, []);
});

test("a note needs somebody who has signed in", async () => {
  assert.equal((await call("GET", "/api/note")).status, 400);
  assert.equal((await call("PUT", "/api/note", { a: 1 }, { authorization: "Bearer AAAA" })).status, 400);
});
