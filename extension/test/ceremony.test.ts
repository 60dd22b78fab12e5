import assert from "node:assert/strict";
import { test } from "node:test";
import { Ceremony, NOT_ALLOWED, visibleError, type HostPort, type Surroundings } from "../src/ceremony.js";
import type { CeremonyRequest, ToHost } from "../src/protocol.js";

const request: CeremonyRequest = { requestId: "5", origin: "https://example.org", sameOriginWithAncestors: true, publicKey: {} };

/** A browser with a host at the other end that the test plays by hand. */
class Bench implements Surroundings {
  readonly sent: ToHost[] = [];
  readonly timers = new Map<number, () => void>();
  closed = false;
  error: string | undefined;
  refuses = false;
  #message: (message: unknown) => void = () => undefined;
  #disconnect: () => void = () => undefined;

  connect(): HostPort {
    return {
      postMessage: (message) => {
        if (this.refuses) throw new Error("disconnected port");
        this.sent.push(message);
      },
      disconnect: () => (this.closed = true),
      onMessage: { addListener: (listener) => (this.#message = listener) },
      onDisconnect: { addListener: (listener) => (this.#disconnect = listener) },
    };
  }
  lastError(): string | undefined {
    return this.error;
  }
  setInterval(callback: () => void): number {
    this.timers.set(1, callback);
    return 1;
  }
  clearInterval(id: number): void {
    this.timers.delete(id);
  }
  beat(): void {
    this.timers.get(1)?.();
  }
  says(message: unknown): void {
    this.#message(message);
  }
  dies(error?: string): void {
    this.error = error;
    this.#disconnect();
  }
}

function start(): { bench: Bench; ceremony: Ceremony; told: string[] } {
  const bench = new Bench();
  const told: string[] = [];
  return { bench, ceremony: new Ceremony("get", request, bench, (problem) => told.push(problem)), told };
}

function assertOver(bench: Bench): void {
  assert.ok(bench.closed, "the port is closed");
  assert.equal(bench.timers.size, 0, "no heartbeat goes on");
}

test("an answer ends the ceremony and its port", async () => {
  const { bench, ceremony } = start();
  assert.deepEqual(bench.sent, [{ type: "ceremony", kind: "get", request }]);
  bench.says({ type: "response", requestId: "5", ok: { id: "AAAA" } });
  assert.deepEqual(await ceremony.outcome, { type: "ok", response: { id: "AAAA" } });
  assert.equal(bench.closed, false, "what becomes of the answer is still to be said");
  ceremony.delivered(true);
  assert.deepEqual(bench.sent.length, 1);
  assertOver(bench);
});

test("errors that the standard hides arrive as NotAllowedError with one text", async () => {
  for (const name of ["NotAllowedError", "UnknownError", "AbortError", "LockedOut", ""]) {
    const { bench, ceremony } = start();
    bench.says({ type: "response", requestId: "5", error: { name, message: "PIN wrong" } });
    assert.deepEqual(await ceremony.outcome, { type: "failed", error: NOT_ALLOWED, problem: null });
  }
});

test("the true cause is for the user and not in what the site gets", async () => {
  const { bench, ceremony } = start();
  bench.says({ type: "response", requestId: "5", error: { name: "NotAllowedError", message: "" }, problem: "No prompt is running." });
  assert.deepEqual(await ceremony.outcome, { type: "failed", error: NOT_ALLOWED, problem: "No prompt is running." });
});

test("errors that the standard shows arrive as they are", () => {
  const excluded = { name: "InvalidStateError", message: "already registered" };
  assert.deepEqual(visibleError(excluded), excluded);
});

test("an abandoned ceremony cancels, closes and is never answered", async () => {
  const { bench, ceremony } = start();
  ceremony.abandon();
  bench.says({ type: "response", requestId: "5", ok: {} });
  assert.deepEqual(await ceremony.outcome, { type: "abandoned" });
  assert.deepEqual(bench.sent.at(-1), { type: "cancel", requestId: "5" });
  assertOver(bench);
});

test("a ceremony whose page has gone is cancelled, and the request that the browser still holds fails", async () => {
  const { bench, ceremony } = start();
  ceremony.fail();
  assert.deepEqual(await ceremony.outcome, { type: "failed", error: NOT_ALLOWED, problem: null });
  assert.deepEqual(bench.sent.at(-1), { type: "cancel", requestId: "5" });
  assertOver(bench);
});

test("abandoning over a dead port still counts as abandoned", async () => {
  const { bench, ceremony } = start();
  bench.refuses = true;
  ceremony.abandon();
  assert.deepEqual(await ceremony.outcome, { type: "abandoned" });
});

test("a host that cannot be started or dies fails the ceremony and tells the user why", async () => {
  const { bench, ceremony } = start();
  bench.dies("Specified native messaging host not found.");
  assert.deepEqual(await ceremony.outcome, { type: "failed", error: NOT_ALLOWED, problem: "Specified native messaging host not found." });
  assert.equal(bench.timers.size, 0);
});

test("heartbeats go out; an answered one keeps the ceremony alive, an unanswered one ends it", async () => {
  const { bench, ceremony } = start();
  bench.beat();
  assert.deepEqual(bench.sent.at(-1), { type: "ping" });
  bench.says({ type: "pong" });
  bench.beat();
  assert.equal(bench.closed, false);
  bench.beat();
  const outcome = await ceremony.outcome;
  assert.equal(outcome.type, "failed");
  assertOver(bench);
});

test("another request's answer, nonsense and a complaint end the ceremony", async () => {
  for (const message of [
    { type: "response", requestId: "6", ok: {} },
    { type: "response", requestId: "5", ok: {}, error: { name: "x" } },
    { type: "response", requestId: "5" },
    { type: "capabilities" },
    { type: "error", message: "no" },
    null,
    "text",
    [],
  ]) {
    const { bench, ceremony } = start();
    bench.says(message);
    const outcome = await ceremony.outcome;
    assert.equal(outcome.type === "failed" && outcome.error.name, "NotAllowedError");
    assertOver(bench);
  }
});

test("what is in the way is told at once, and the request stays open", async () => {
  const { bench, ceremony, told } = start();
  bench.says({ type: "problem", requestId: "5", problem: "the site wants a security key" });
  assert.deepEqual(told, ["the site wants a security key"]);
  assert.ok(!bench.closed);
  bench.says({ type: "response", requestId: "5", ok: {} });
  assert.deepEqual(await ceremony.outcome, { type: "ok", response: {} });
});

test("an answer that did not reach its page is told in its channel", async () => {
  const { bench, ceremony } = start();
  bench.says({ type: "response", requestId: "5", ok: {} });
  await ceremony.outcome;
  ceremony.delivered(false);
  assert.deepEqual(bench.sent.at(-1), { type: "undelivered", requestId: "5" });
  assertOver(bench);
});
