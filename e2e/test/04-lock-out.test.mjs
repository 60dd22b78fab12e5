// Wrong PINs until the lock-out. hello's delays grow to an hour, so its clock is moved by libfaketime; nothing else's is.

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Bed, PIN, RUN, YES } from "../lib/bed.mjs";
import { until } from "../lib/wait.mjs";

const WRONG = "quite-Wrong-5512";
const clock = path.join(RUN, "clock");
const library = [`/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/faketime/libfaketime.so.1`].find(existsSync);
let hours = 0;

let bed;
before(async () => {
  assert.ok(library, "libfaketime is installed");
  writeFileSync(clock, "+0h");
  bed = await Bed.make("04-lock-out", {
    environment: { hello: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1" } },
  });
  bed.secrets.add("PIN", WRONG);
  await bed.register({ name: "owner" });
});
after(() => bed?.clear());

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
      hours += 2;
      writeFileSync(clock, `+${hours}h`);
      await oneWrongPin();
      return pin().locked_out;
    },
    60_000,
    "the lock-out",
  );
  assert.equal(pin().tries_left, 0);
  hours += 100;
  writeFileSync(clock, `+${hours}h`);
  await bed.answers(YES);
  assert.equal((await bed.signIn({ name: "owner", userVerification: "required" })).error.name, "NotAllowedError");
  assert.equal(bed.lastAudit("get").cause, "locked-out");
});

test("the lock-out outlives hello's process", async () => {
  bed.platform.signal("hello", "SIGKILL");
  await until(() => bed.platform.pids("hello").length === 0, 2_000);
  assert.equal(pin().locked_out, true);
});
