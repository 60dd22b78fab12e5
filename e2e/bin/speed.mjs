// How long a page waits: medians of sign-ins with consent alone, and of the question whether there is a platform authenticator; and what
// of that the native host's process costs: a message to it and back, and its start, which the extension pays once.
// Usage: node e2e/bin/speed.mjs [COUNT]. Builds nothing; run it on a quiet machine after ./test e2e.

import { Browser } from "../lib/browser.mjs";
import { NOTEBOOK, Platform, VAULT } from "../lib/platform.mjs";
import { Playground } from "../lib/playground.mjs";
import { create } from "../lib/site.mjs";

/** Runs in the extension's worker. */
async function hostTimes(count) {
  const answered = (host, channel) => {
    const heard = new Promise((resolve) => {
      host.onMessage.addListener(function once(message) {
        if (message.channel !== channel) return;
        host.onMessage.removeListener(once);
        resolve();
      });
    });
    host.postMessage({ channel, type: "ping" });
    return heard;
  };
  const measured = async (action) => {
    const all = [];
    for (let n = 0; n < count; n += 1) {
      const before = performance.now();
      await action(n);
      all.push(performance.now() - before);
    }
    const sorted = all.sort((a, b) => a - b);
    return { median: sorted[Math.floor(sorted.length / 2)], p90: sorted[Math.floor(sorted.length * 0.9)] };
  };
  const connect = () => chrome.runtime.connectNative("org.claviger.browser");
  const host = connect();
  await answered(host, "warm");
  const times = {
    "a message to the native host and back": await measured((n) => answered(host, `ping-${n}`)),
    "a native host's start and its first answer": await measured(async (n) => {
      const fresh = connect();
      await answered(fresh, `start-${n}`);
      fresh.disconnect();
    }),
  };
  host.disconnect();
  return times;
}

const count = Number(process.argv[2] ?? 50);
const PIN = "vexed-Quokka-8317";
const platform = await Platform.start({ scripted: true, log: "warn" });
const playground = await Playground.start();
let browser;
try {
  await platform.script([
    { when: { kind: "create" }, times: 1, do: { approve: true, pin: PIN, choose: VAULT } },
    { when: { kind: "create" }, do: { approve: true, pin: PIN, choose: NOTEBOOK } },
    { when: {}, do: { approve: true, pin: PIN } },
  ]);
  await platform.clavigerAsync("provider", "enable", NOTEBOOK);
  browser = await Browser.open(platform);
  const page = await browser.page(playground.origin);
  const make = async (name) => {
    const made = await create(page, {
      rp: { id: "localhost", name: "Any" },
      user: { id: "AAAA", name, displayName: name },
      challenge: "AAAAAAAAAAAAAAAAAAAAAA",
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { userVerification: "discouraged" },
    });
    if (made.error !== undefined) throw new Error(JSON.stringify(made.error));
    return made;
  };
  // The vault is open then, so that nothing but consent is asked for.
  await make("in-vault");
  const made = await make("speed");
  const times = await page.evaluate(
    async ({ id, count }) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({
        challenge: "AAAAAAAAAAAAAAAAAAAAAA",
        rpId: "localhost",
        userVerification: "discouraged",
        allowCredentials: [{ type: "public-key", id }],
      });
      const measured = async (action) => {
        const all = [];
        for (let n = 0; n < count + 5; n += 1) {
          const before = performance.now();
          await action();
          all.push(performance.now() - before);
        }
        const sorted = all.slice(5).sort((a, b) => a - b);
        return { median: sorted[Math.floor(sorted.length / 2)], p90: sorted[Math.floor(sorted.length * 0.9)] };
      };
      return {
        "sign-in with consent alone": await measured(() => navigator.credentials.get({ publicKey })),
        isUserVerifyingPlatformAuthenticatorAvailable: await measured(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()),
      };
    },
    { id: made.credential.id, count },
  );
  const worker = await browser.worker();
  Object.assign(times, await worker.evaluate(hostTimes, count));
  for (const [what, { median, p90 }] of Object.entries(times)) console.log(`${what}: median ${median.toFixed(1)} ms, 90 % within ${p90.toFixed(1)} ms (${count} times)`);
} finally {
  await browser?.close();
  await playground.stop();
  await platform.stop();
}
