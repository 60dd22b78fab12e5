// The story as it should go: first start, two providers, sign-in in all its forms, PRF.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { Bed, NO, PIN, YES } from "../lib/bed.mjs";
import { NOTEBOOK, VAULT } from "../lib/platform.mjs";
import { until } from "../lib/wait.mjs";

const salt = (text) => Buffer.from(text).toString("base64url");
const choose = (provider, further = {}) => ({ when: { kind: "create" }, do: { approve: true, choose: provider, pin: PIN, ...further } });

let bed;
before(async () => (bed = await Bed.make("01-story", { ready: false })));
after(() => bed?.clear());

test("the first passkey makes the user choose a PIN; a guessable one is refused", async () => {
  // Longer than a run of one digit: "11111111" also stands in greased bytes, where the search for secrets would find it.
  const guessable = "password1987";
  bed.secrets.add("PIN", guessable);
  const prompt = await bed.answers(
    { when: { kind: "choose-pin" }, times: 1, do: { approve: true, pin: guessable } },
    { when: { kind: "choose-pin" }, do: { approve: true, pin: PIN } },
    YES,
  );
  assert.equal(bed.platform.status().pin.set, false);
  const { accepted } = await bed.register({ name: "first", userVerification: "required" });
  assert.equal(accepted.credential.userVerified, true);
  assert.deepEqual(prompt.views.filter((view) => view.kind === "choose-pin").map((view) => view.problem?.code ?? null), [null, "weak-pin"]);
  assert.equal(bed.platform.status().pin.set, true);
});

test("a second provider is offered only after the user let it in", async () => {
  const prompt = await bed.answers(YES);
  await bed.register({ name: "early" });
  assert.deepEqual(new Set(prompt.views.flatMap((view) => view.choices).map((choice) => choice.provider)), new Set([VAULT]));
  await bed.answers(NO);
  assert.notEqual((await bed.platform.clavigerAsync("provider", "enable", NOTEBOOK)).status, 0);
  await bed.answers(YES);
  assert.equal((await bed.platform.clavigerAsync("provider", "enable", NOTEBOOK)).status, 0);
});

test("sign-up: the picker offers two providers, the user picks one, the PIN is asked, the site accepts", async () => {
  const prompt = await bed.answers(choose(NOTEBOOK));
  const { accepted } = await bed.register({ name: "alice", userVerification: "required", attachment: "platform" });
  assert.equal(accepted.credential.userVerified, true);
  const [view, ...others] = prompt.views.filter((view) => view.kind !== "idle");
  assert.deepEqual(others, [], "one screen for choice and PIN");
  assert.deepEqual(new Set(view.choices.map((choice) => choice.provider)), new Set([VAULT, NOTEBOOK]));
  assert.deepEqual(view.methods.map(({ method, purpose }) => [method, purpose]), [["pin", "verify"]]);
  assert.equal(view.site.rp_id, "localhost");
  assert.equal(view.caller.name, "Chromium");
  assert.equal(view.account.name, "alice");
  assert.equal(bed.lastAudit("create").provider, NOTEBOOK);
});

test("the choice is remembered for the site and can be changed", async () => {
  await bed.answers(choose(NOTEBOOK, { remember: true }));
  await bed.register({ name: "remember-1" });
  let prompt = await bed.answers(YES);
  await bed.register({ name: "remember-2" });
  assert.equal(bed.lastAudit("create").provider, NOTEBOOK, "the remembered provider is taken when the user names none");
  bed.platform.claviger("provider", "rule", "set", "localhost", VAULT);
  prompt = await bed.answers(YES);
  await bed.register({ name: "remember-3" });
  assert.equal(bed.lastAudit("create").provider, VAULT);
  assert.ok(prompt.views.length > 0);
  bed.platform.claviger("provider", "rule", "clear", "localhost");
});

test("sign-in without a user name: the account picker shows every account of the site", async () => {
  const prompt = await bed.answers({ when: { kind: "sign-in" }, do: { approve: true, choose: "alice", pin: PIN } });
  const { accepted } = await bed.signIn({ userVerification: "required" });
  assert.equal(accepted.user.name, "alice");
  const labels = prompt.views.flatMap((view) => view.choices).map((choice) => choice.label.account);
  for (const name of ["alice", "first", "early"]) assert.ok(labels.includes(name), `${name} among ${labels}`);
});

test("sign-in with an allow list asks for that account only", async () => {
  const prompt = await bed.answers(YES);
  const { accepted } = await bed.signIn({ name: "first" });
  assert.equal(accepted.user.name, "first");
  assert.deepEqual(prompt.views.flatMap((view) => view.choices).map((choice) => choice.label.account), ["first"]);
});

test("an excluded credential is InvalidStateError, after consent", async () => {
  const prompt = await bed.answers(YES);
  const { error } = await bed.register({ name: "alice" });
  assert.equal(error.name, "InvalidStateError");
  assert.ok(prompt.views.some((view) => view.kind !== "idle"), "the user was asked");
  assert.equal(bed.lastAudit("create").cause, "excluded");
});

test("an excluded credential whose owner says no is not told", async () => {
  await bed.answers(NO);
  assert.equal((await bed.register({ name: "alice" })).error.name, "NotAllowedError");
});

for (const userVerification of ["required", "preferred", "discouraged"]) {
  test(`user verification ${userVerification}`, async () => {
    const prompt = await bed.answers(YES);
    const name = `uv-${userVerification}`;
    const made = await bed.register({ name, userVerification });
    const used = await bed.signIn({ name, userVerification });
    const verified = userVerification !== "discouraged";
    assert.equal(made.accepted.credential.userVerified, true, "a passkey is never made without");
    assert.equal(used.accepted.credential.userVerified, verified);
    const asked = prompt.views.filter((view) => view.kind === "sign-in");
    assert.equal(asked.length, 1);
    assert.equal(asked[0].methods.some(({ method }) => method === "pin"), verified, "the PIN is asked exactly when it is needed");
  });
}

test("the page sees a platform authenticator", async () => {
  assert.equal(await bed.page.evaluate(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()), true);
  const capabilities = await bed.page.evaluate(() => PublicKeyCredential.getClientCapabilities());
  assert.equal(capabilities.userVerifyingPlatformAuthenticator, true);
  assert.equal(capabilities.passkeyPlatformAuthenticator, true);
  assert.equal(capabilities.conditionalGet, false, "while attached, Chromium has no autofill");
  assert.equal(capabilities.hybridTransport, false);
  assert.equal(capabilities["extension:prf"], true);
});

test("without the platform the page sees none", async () => {
  const popup = await bed.browser.popup();
  bed.platform.replaceProgram("native-host", "#!/bin/sh\nexit 1\n");
  bed.platform.signal("native-host", "SIGKILL");
  await until(() => bed.platform.pids("native-host").length === 0, 2_000, "the end of the native host");
  assert.equal(await bed.page.evaluate(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()), false);
  await popup.reload();
  await popup.waitForSelector("li.bad");
  assert.match(await popup.innerText("#lines"), /Platform not found/);
  bed.platform.replaceProgram("native-host", null);
  assert.equal(await bed.page.evaluate(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()), true);
  await popup.close();
});

for (const provider of [VAULT, NOTEBOOK]) {
  for (const [algorithm, cose] of [["ES256", -7], ["Ed25519", -8]]) {
    test(`${algorithm} in ${provider}: attachment, transports, credProps, PRF`, async () => {
      await bed.answers(choose(provider), YES);
      const name = `${algorithm} ${provider}`;
      const extensions = { credProps: true, prf: { eval: { first: salt("one") } } };
      const made = await bed.register({ name, algorithms: [cose], attachment: "platform", extensions });
      assert.equal(made.accepted.credential.algorithm, cose);
      assert.equal(made.credential.authenticatorAttachment, "platform");
      assert.deepEqual(made.credential.response.transports, ["internal"]);
      assert.equal(made.credential.response.publicKeyAlgorithm, cose);
      assert.ok(made.credential.response.publicKey, "SPKI");
      assert.deepEqual(made.outputs.credProps, { rk: true });
      assert.equal(made.outputs.prf.enabled, true);

      const once = await bed.signIn({ name, extensions: { prf: { eval: { first: salt("one"), second: salt("two") } } } });
      const again = await bed.signIn({ name, extensions: { prf: { eval: { first: salt("one") } } } });
      const byCredential = await bed.signIn({ name, extensions: { prf: { evalByCredential: { [made.credential.id]: { first: salt("one") } } } } });
      const { first, second } = once.outputs.prf.results;
      assert.equal(Buffer.from(first, "base64url").length, 32);
      assert.equal(again.outputs.prf.results.first, first, "the same on two sign-ins");
      assert.equal(byCredential.outputs.prf.results.first, first, "the same when asked by credential");
      assert.notEqual(second, first, "another for another salt");
      if (made.outputs.prf.results !== undefined) assert.equal(made.outputs.prf.results.first, first, "the same at creation");
      prfOutputs.push(first);
    });
  }
}

const prfOutputs = [];
test("PRF outputs differ between credentials", () => {
  assert.equal(prfOutputs.length, 4);
  assert.equal(new Set(prfOutputs).size, 4);
});

test("a passkey without PRF in its sign-in", async () => {
  await bed.answers(YES);
  for (const cose of [-7, -8]) {
    const name = `plain ${cose}`;
    await bed.register({ name, algorithms: [cose] });
    assert.deepEqual((await bed.signIn({ name })).outputs, {});
  }
});

test("direct attestation is packed self attestation, and verifies", async () => {
  // Through the native host: before it tells a site what made a passkey, Chromium asks in a window of its own.
  await bed.answers(choose(VAULT));
  const begun = await bed.atPlayground("/api/register/begin", { name: "attested", attestation: "direct" });
  const answer = await bed.native("create", { requestId: "1", origin: bed.playground.origin, sameOriginWithAncestors: true, publicKey: begun.publicKey });
  const { credential } = await bed.atPlayground("/api/register/finish", { ceremony: begun.ceremony, credential: answer.ok });
  assert.equal(credential.attestation, "packed");
});

test("a passkey that both providers could have made is listed, renamed and deleted by the command line", async () => {
  await bed.answers(YES);
  const list = () => JSON.parse(bed.platform.claviger("passkey", "list", "--json"));
  const alice = list().find((passkey) => passkey.user_name === "alice");
  assert.equal(alice.provider, NOTEBOOK);
  const early = list().find((passkey) => passkey.user_name === "early");
  bed.platform.claviger("passkey", "rename", early.id, "late");
  assert.equal(list().find((passkey) => passkey.id === early.id).user_name, "late");
  const deleted = await bed.platform.clavigerAsync("passkey", "delete", early.id);
  assert.equal(deleted.status, 0, deleted.err);
  assert.equal(list().some((passkey) => passkey.id === early.id), false);
  assert.equal((await bed.signIn({ name: "early" })).error.name, "NotAllowedError");
});

test("who registered as a provider or attached as a prompt is in the audit log, proved or not", async () => {
  const prompt = await bed.answers(YES);
  const said = bed.platform.audit(10_000).map(({ detail }) => detail);
  assert.ok(said.includes(`process ${prompt.pid} is the prompt: scripted, unproved`), said.join("\n"));
  const providers = [...bed.platform.pids("vault"), ...bed.platform.pids("notebook")];
  assert.equal(providers.length, 2);
  for (const pid of providers) assert.ok(said.includes(`process ${pid} registered (unproved)`), said.join("\n"));
});

test("every thread of every role is behind a filter of system calls, and none leaves a core dump", async () => {
  const prompt = await bed.answers(YES);
  const roles = [["prompt", prompt.pid], ...["broker", "hello", "vault", "native-host"].map((role) => [role, bed.platform.pids(role)[0]])];
  for (const [role, pid] of roles) {
    assert.match(readFileSync(`/proc/${pid}/limits`, "utf8"), /^Max core file size +1 +1 /m, role);
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      assert.match(status, /^NoNewPrivs:\t1$/m, role);
      assert.match(status, /^Seccomp:\t2$/m, role);
    }
  }
});

test("the audit log's chain is whole", () => {
  assert.equal(JSON.parse(bed.platform.claviger("audit", "--json")).intact, true);
});
