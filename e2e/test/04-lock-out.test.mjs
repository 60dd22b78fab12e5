// Wrong PINs until the lock-out. The delays between them grow to an hour and are measured from boot, on a clock that
// nobody can set; so hello runs in a time namespace of its own, in which the machine booted that much earlier.

import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Bed, PIN, RUN, YES } from "../lib/bed.mjs";
import { until } from "../lib/wait.mjs";

const WRONG = "quite-Wrong-5512";
const clock = path.join(RUN, "clock");

let bed;
before(async () => {
  // A user namespace would do instead of root, but the broker could not look into it to see that hello is hello.
  assert.equal(process.getuid(), 0, "setting the clock of a time namespace needs root: run this suite as root, e.g. in a container");
  writeFileSync(clock, "0");
  const earlier = `unshare --time --boottime "$(cat '${clock}')" --fork --kill-child --`;
  bed = await Bed.make("04-lock-out", { before: { hello: earlier } });
  bed.secrets.add("PIN", WRONG);
  await bed.register({ name: "owner" });
});
after(() => bed?.clear());

let hours = 0;

/**
 * Lets this many hours pass for hello: it ends, and the next question finds it on a later clock. The broker ends too, because
 * it has a page wait that asks in vain again and again, and that is not what is shown here.
 */
async function pass(more) {
  hours += more;
  writeFileSync(clock, String(hours * 3600));
  for (const role of ["hello", "broker"]) {
    bed.platform.signal(role, "SIGKILL");
    await until(() => bed.platform.pids(role).length === 0, 20_000, `the end of ${role}`);
  }
}

/** Types one wrong PIN, sees what the prompt says to it, and says no. */
async function oneWrongPin() {
  const prompt = await bed.answers(
    { when: { problem: "none" }, times: 1, do: { approve: true, pin: WRONG } },
    { when: {}, do: { refuse: true } },
  );
  const { error } = await bed.signIn({ name: "owner", userVerification: "required" });
  assert.equal(error.name, "NotAllowedError");
  return prompt.views.find((view) => view.problem)?.problem.code ?? null;
}

function pin() {
  return bed.platform.status().pin;
}

test("a wrong PIN counts, and the right one clears the count", async () => {
  const before = pin().tries_left;
  assert.equal(await oneWrongPin(), "wrong-pin");
  assert.equal(pin().tries_left, before - 1);
  await bed.answers(YES);
  assert.equal((await bed.signIn({ name: "owner" })).accepted?.user.name, "owner");
  assert.equal(pin().tries_left, before);
});

test("after some wrong PINs the next one has to wait, right or wrong", async () => {
  await until(async () => (await oneWrongPin(), pin().wait_ms > 0), 30_000, "a delay");
  await bed.answers({ when: { problem: "none" }, times: 1, do: { approve: true, pin: PIN } }, { when: {}, do: { refuse: true } });
  assert.equal((await bed.signIn({ name: "owner" })).error.name, "NotAllowedError", "even the right PIN is not looked at yet");
});

test("wrong PINs until the lock-out; then the right PIN does not help, and the cause is in the log", async () => {
  await until(
    async () => {
      await pass(2);
      await oneWrongPin();
      return pin().locked_out;
    },
    60_000,
    "the lock-out",
  );
  assert.equal(pin().tries_left, 0);
  await pass(100);
  await bed.answers(YES);
  assert.equal((await bed.signIn({ name: "owner", userVerification: "required" })).error.name, "NotAllowedError");
  assert.equal(bed.lastAudit("get").cause, "locked-out");
});

test("the lock-out outlives hello's process", async () => {
  await pass(0);
  assert.equal(pin().locked_out, true);
});

test("who starts over, as SECURITY.md says it, chooses a PIN and has a vault again", async () => {
  await bed.platform.withoutPrompt();
  for (const role of ["broker", "hello", "vault", "notebook"]) {
    bed.platform.signal(role, "SIGKILL");
    await until(() => bed.platform.pids(role).length === 0, 20_000, `the end of ${role}`);
  }
  for (const folder of ["state/claviger/hello", "state/claviger/vault", "state/claviger/providers", "data/claviger/vault"]) {
    renameSync(path.join(bed.platform.dir, folder), path.join(bed.platform.dir, `${folder}.away`));
  }
  await bed.answers(YES);
  const { status, err } = await bed.platform.clavigerAsync("setup");
  assert.equal(status, 0, err);
  assert.equal(pin().locked_out, false);
  assert.equal((await bed.register({ name: "again" })).accepted?.user.name, "again");
  assert.equal((await bed.signIn({ name: "again" })).accepted?.user.name, "again");
  assert.equal((await bed.signIn({ name: "owner" })).error.name, "NotAllowedError", "what the old vault kept is away");
});
