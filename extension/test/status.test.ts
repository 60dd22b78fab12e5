import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFromHost } from "../src/protocol.js";
import { badge, lines, messageOf, type Situation } from "../src/status.js";

const well: Situation = {
  attachment: { state: "attached" },
  host: { platform: true, prompt: "terminal", pin: true, problem: null },
  running: 0,
  lastProblem: null,
};
const goods = (situation: Situation): boolean[] => lines(situation).map((line) => line.good);

test("all is well", () => {
  assert.deepEqual(goods(well), [true, true, true]);
  assert.equal(badge(well.attachment, 0, null).text, "");
});

test("the browser's reason for refusing is shown in popup and badge", () => {
  const refused = { state: "refused", reason: "Another extension is already attached." } as const;
  assert.match(lines({ ...well, attachment: refused })[0]?.detail ?? "", /Another extension is already attached/);
  assert.match(badge(refused, 0, null).title, /Another extension is already attached/);
  assert.equal(badge(refused, 3, null).text, "!");
});

test("a pause and a waiting site show on the badge", () => {
  assert.equal(badge({ state: "paused", until: 0 }, 0, null).text, "KEY");
  assert.equal(badge(well.attachment, 2, null).text, "2");
});

test("where Claviger came with the machine and nobody has set it up, the browser is left alone and says so", () => {
  const waiting = { state: "waiting" } as const;
  assert.match(lines({ ...well, attachment: waiting })[0]?.detail ?? "", /Security keys and phones work as before/);
  assert.deepEqual([badge(waiting, 0, "something").text, badge(waiting, 0, null).text], ["", ""]);
});

test("a missing host says how to install it", () => {
  const situation = { ...well, host: { missing: "Specified native messaging host not found." } };
  assert.deepEqual(goods(situation), [true, false, false]);
  assert.match(lines(situation)[1]?.detail ?? "", /not found\. Run “claviger setup”/);
});

test("a platform that does not answer, a missing prompt and a scripted one are not good", () => {
  assert.deepEqual(goods({ ...well, host: { platform: false, prompt: null, pin: false, problem: "no bus" } }), [true, false, false]);
  assert.deepEqual(goods({ ...well, host: { platform: true, prompt: null, pin: true, problem: null } }), [true, true, false]);
  assert.deepEqual(goods({ ...well, host: { platform: true, prompt: "scripted", pin: true, problem: null } }), [true, true, false]);
});

test("the host's answers are parsed, not believed", () => {
  assert.deepEqual(parseFromHost({ type: "capabilities", userVerifyingPlatformAuthenticator: "yes" }), {
    type: "capabilities",
    userVerifyingPlatformAuthenticator: false,
  });
  assert.deepEqual(parseFromHost({ type: "status", platform: 1, prompt: 2 }), { type: "status", platform: false, prompt: null, pin: false, problem: null });
  assert.equal(parseFromHost({ type: "later version" }), null);
});

test("whatever is thrown has a text", () => {
  assert.equal(messageOf(new Error("a")), "a");
  assert.equal(messageOf("b"), "b");
});

test("the icon points at a problem that nobody has read yet", () => {
  const { text, title } = badge(well.attachment, 1, "the site wants a security key");
  assert.equal(text, "!");
  assert.match(title, /security key/);
  assert.equal(badge({ state: "paused", until: 0 }, 0, "the site wants a security key").text, "KEY", "the pause is what helps");
});
