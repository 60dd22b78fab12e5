// Providers that fail: they hang, crash, are locked or disabled; and requests whose time runs out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Bed, NO, OPEN, PIN, YES } from "../lib/bed.mjs";
import { NOTEBOOK, VAULT } from "../lib/platform.mjs";
import { get } from "../lib/site.mjs";
import { until } from "../lib/wait.mjs";

const choose = (provider) => ({ when: { kind: "create" }, do: { approve: true, choose: provider, pin: PIN } });
/** A sign-in with the shortest time that the platform grants: 15 s. Chromium itself would give the page three minutes. */
const short = (id, origin) => ({
  requestId: "1",
  origin,
  sameOriginWithAncestors: true,
  publicKey: { rpId: "localhost", challenge: Buffer.alloc(32, 5).toString("base64url"), timeout: 1, ...(id === null ? {} : { allowCredentials: [{ type: "public-key", id }] }) },
});

let bed;
const ids = {};
before(async () => {
  bed = await Bed.make("03-providers");
  for (const [name, provider] of [["in-vault", VAULT], ["in-notebook", NOTEBOOK]]) {
    await bed.answers(choose(provider));
    ids[name] = (await bed.register({ name })).credential.id;
  }
});
after(() => bed?.clear());

test("a provider that hangs is given up when the time is over, and blocks nobody", async () => {
  await bed.answers(YES);
  const started = Date.now();
  bed.platform.signal("notebook", "SIGSTOP");
  try {
    const hanging = bed.native("get", short(ids["in-notebook"], bed.playground.origin));
    const other = await bed.signIn({ name: "in-vault" });
    assert.equal(other.accepted?.user.name, "in-vault", "another provider serves meanwhile");
    assert.ok(Date.now() - started < 10_000);
    assert.equal((await hanging).error.name, "NotAllowedError");
    assert.ok(Date.now() - started < 20_000, "within the granted time");
    assert.ok(["provider-hung", "timed-out"].includes(bed.lastAudit("get").cause), bed.lastAudit("get").cause);
  } finally {
    bed.platform.signal("notebook", "SIGCONT");
  }
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook", "it serves again when it runs again");
});

test("a provider that crashes while it is asked: the site learns nothing, the log the cause", async () => {
  await bed.answers(YES);
  const calls = () => bed.log("broker").split("effect=Execute(org.example.Notebook)").length;
  const before = calls();
  bed.platform.signal("notebook", "SIGSTOP");
  const asked = bed.signIn({ name: "in-notebook" });
  await until(() => calls() > before, 60_000, "the call to the provider");
  bed.platform.signal("notebook", "SIGKILL");
  const { error } = await asked;
  assert.equal(error?.name, "NotAllowedError");
  // Unreachable, if the call was still on its way when the provider died.
  assert.match(bed.lastAudit("get").cause, /^provider-(crashed|unreachable)$/);
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook", "D-Bus starts it again for the next request");
});

test("a provider that cannot be started", async () => {
  await bed.answers(YES);
  bed.platform.signal("notebook", "SIGKILL");
  await until(() => bed.platform.pids("notebook").length === 0, 2_000);
  bed.platform.replaceProgram("notebook", "#!/bin/sh\nexit 1\n");
  try {
    assert.equal((await bed.signIn({ name: "in-notebook" })).error.name, "NotAllowedError");
    assert.match(bed.lastAudit("get").cause, /^provider-(unreachable|crashed)$/);
    assert.equal((await bed.signIn({ name: "in-vault" })).accepted?.user.name, "in-vault");
  } finally {
    bed.platform.replaceProgram("notebook", null);
  }
});

test("a provider whose program was exchanged is not used until the user lets it in again", async () => {
  await bed.answers(YES);
  bed.platform.signal("notebook", "SIGKILL");
  await until(() => bed.platform.pids("notebook").length === 0, 2_000);
  const { copyFileSync, readFileSync } = await import("node:fs");
  const wrapper = `${bed.platform.dir}/bin/notebook`;
  const other = `${bed.platform.dir}/other-notebook`;
  const program = /exec '([^']+)'/.exec(readFileSync(wrapper, "utf8"))[1];
  copyFileSync(program, other);
  bed.platform.replaceProgram("notebook", readFileSync(wrapper, "utf8").replace(program, other));
  try {
    await bed.answers(NO);
    assert.equal((await bed.signIn({ name: "in-notebook" })).error.name, "NotAllowedError");
  } finally {
    bed.platform.signal("notebook", "SIGKILL");
    bed.platform.replaceProgram("notebook", null);
  }
  await bed.answers(YES);
  if (JSON.parse(bed.platform.claviger("provider", "list", "--json")).find(({ id }) => id === NOTEBOOK).state !== "enabled") {
    assert.equal((await bed.platform.clavigerAsync("provider", "enable", NOTEBOOK)).status, 0);
  }
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook");
});

test("a locked vault is unlocked by the PIN of the same question", async () => {
  bed.platform.claviger("lock", VAULT);
  const prompt = await bed.answers(YES);
  const { accepted } = await bed.signIn({ name: "in-vault" });
  assert.equal(accepted?.user.name, "in-vault");
  assert.equal(prompt.views.filter((view) => view.kind !== "idle").length, 1, "one question, not two");
});

test("a locked vault asks for the PIN even when the site does not care", async () => {
  bed.platform.claviger("lock", VAULT);
  const prompt = await bed.answers(YES);
  const { accepted } = await bed.signIn({ name: "in-vault", userVerification: "discouraged" });
  assert.equal(accepted?.user.name, "in-vault");
  assert.deepEqual(prompt.views.find((view) => view.kind === "sign-in").methods.map(({ method }) => method), ["pin"]);
});

test("a vault that stays locked gives nothing", async () => {
  bed.platform.claviger("lock", VAULT);
  await bed.answers(NO);
  assert.equal((await bed.signIn({ name: "in-vault", userVerification: "discouraged" })).error.name, "NotAllowedError");
  assert.equal(JSON.parse(bed.platform.claviger("provider", "list", "--json")).find(({ id }) => id === VAULT).locked, true);
});

test("a disabled provider neither signs in nor is offered", async () => {
  await bed.answers(YES);
  bed.platform.claviger("provider", "disable", NOTEBOOK);
  assert.equal((await bed.signIn({ name: "in-notebook" })).error.name, "NotAllowedError");
  assert.equal(bed.lastAudit("get").cause, "provider-disabled");
  const prompt = await bed.answers(YES);
  await bed.register({ name: "meanwhile" });
  assert.deepEqual(new Set(prompt.views.flatMap((view) => view.choices).map((choice) => choice.provider)), new Set([VAULT]));
  assert.equal((await bed.platform.clavigerAsync("provider", "enable", NOTEBOOK)).status, 0);
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook");
});

test("time runs out while the user thinks: the question goes away", async () => {
  const prompt = await bed.answers(OPEN);
  const started = Date.now();
  const answer = await bed.native("get", short(null, bed.playground.origin));
  assert.equal(answer.error.name, "NotAllowedError");
  const seconds = (Date.now() - started) / 1000;
  assert.ok(seconds >= 14 && seconds < 20, `after ${seconds} s`);
  assert.equal(bed.lastAudit("get").cause, "timed-out");
  await until(() => prompt.views.at(-1)?.kind === "idle", 5_000, "the end of the question");
});

test("after the broker has died twice in short order a request waits for the prompt", async () => {
  const prompt = await bed.answers(YES);
  const attached = (times) => until(() => prompt.events.filter((event) => event.event === "attached").length === times, 60_000, "the prompt at the next broker");
  bed.platform.signal("broker", "SIGKILL");
  await attached(2);
  const [second] = bed.platform.pids("broker");
  bed.platform.signal("broker", "SIGKILL");
  // Whoever needs a broker may have started the next one at once.
  await until(() => !bed.platform.pids("broker").includes(second), 10_000, "the end of the broker");
  // The prompt comes back after two seconds; nobody hears of that.
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook");
  await attached(3);
});

test("the broker comes back after a crash, with everything it knew", async () => {
  const prompt = await bed.answers(YES);
  bed.platform.signal("broker", "SIGKILL");
  // The prompt attaches again by itself, which starts the next broker.
  await until(() => prompt.events.filter((event) => event.event === "attached").length === 2, 60_000, "the prompt at the next broker");
  assert.equal((await bed.signIn({ name: "in-vault" })).accepted?.user.name, "in-vault");
  assert.equal((await bed.signIn({ name: "in-notebook" })).accepted?.user.name, "in-notebook");
  assert.equal(JSON.parse(bed.platform.claviger("audit", "--json")).intact, true);
  assert.ok((await get(bed.page, { rpId: "localhost", challenge: "AAAAAAAAAAAAAAAAAAAAAA" })).credential);
});
