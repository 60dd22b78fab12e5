import assert from "node:assert/strict";
import { test } from "node:test";
import { Channels, type NativePort } from "../src/channels.js";

/** A browser whose native hosts the test plays by hand. */
class Bench {
  readonly sent: { channel: string; type: string }[] = [];
  hosts = 0;
  #named = 0;
  says: (message: unknown) => void = () => undefined;
  dies: () => void = () => undefined;
  readonly channels = new Channels({
    connectNative: () => this.#host(),
    lastError: () => "Native host has exited.",
    name: () => `channel-${(this.#named += 1)}`,
  });

  #host(): NativePort {
    this.hosts += 1;
    return {
      postMessage: (message) => void this.sent.push(message as { channel: string; type: string }),
      disconnect: () => undefined,
      onMessage: { addListener: (listener) => (this.says = listener) },
      onDisconnect: { addListener: (listener) => (this.dies = listener) },
    };
  }
}

function open(bench: Bench): { port: ReturnType<Channels["connect"]>; heard: unknown[]; closed: () => number } {
  const heard: unknown[] = [];
  let count = 0;
  const port = bench.channels.connect();
  port.onMessage.addListener((message) => heard.push(message));
  port.onDisconnect.addListener(() => (count += 1));
  return { port, heard, closed: () => count };
}

test("one host serves all channels, and each hears its own answers only", () => {
  const bench = new Bench();
  bench.channels.warm();
  const [one, two] = [open(bench), open(bench)];
  assert.equal(bench.hosts, 1);
  one.port.postMessage({ type: "ping" });
  assert.deepEqual(bench.sent, [{ channel: "channel-1", type: "ping" }]);
  bench.says({ channel: "channel-2", type: "pong" });
  assert.deepEqual([one.heard.length, two.heard.length], [0, 1]);
});

test("what is late, forged or in no channel reaches nobody", () => {
  const bench = new Bench();
  const [one, two] = [open(bench), open(bench)];
  one.port.disconnect();
  for (const message of [
    { channel: "channel-1", type: "response", requestId: "1", ok: {} },
    { channel: "channel-9", type: "response", requestId: "1", ok: {} },
    { type: "response", requestId: "1", ok: {} },
    { channel: ["channel-2"], type: "pong" },
    "channel-2",
    null,
  ]) {
    bench.says(message);
  }
  assert.deepEqual([one.heard, two.heard], [[], []]);
});

test("a closed channel says so once, and takes nothing more", () => {
  const bench = new Bench();
  const { port } = open(bench);
  port.disconnect();
  port.disconnect();
  assert.deepEqual(bench.sent, [{ channel: "channel-1", type: "close" }]);
  assert.throws(() => port.postMessage({ type: "ping" }), /closed/);
});

test("the host's end closes every channel with the browser's reason, and the next one starts another host", () => {
  const bench = new Bench();
  const [one, two] = [open(bench), open(bench)];
  bench.dies();
  assert.deepEqual([one.closed(), two.closed()], [1, 1]);
  assert.equal(bench.channels.lastError(), "Native host has exited.");
  const three = open(bench);
  assert.equal(bench.hosts, 2);
  bench.says({ channel: "channel-3", type: "pong" });
  assert.equal(three.heard.length, 1);
});
