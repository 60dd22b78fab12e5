// A whole platform for a part: platform.mjs LOGS PIN. Prints one line of JSON, then serves until its input ends; for each
// line of that it starts the prompt again and says so.
//
// A script answers in the user's place: it agrees to everything, verifies with the PIN, and has the vault keep what is
// created. What it was shown is in LOGS/prompt.log.

import { createInterface } from "node:readline";
import { Platform, VAULT } from "../../e2e/lib/platform.mjs";

const [logs, pin] = process.argv.slice(2);
const platform = await Platform.start({ scripted: true, logs });
const rules = [
  { when: { kind: "create" }, do: { approve: true, choose: VAULT, pin } },
  { when: {}, do: { approve: true, pin } },
];
await attach();
console.log(JSON.stringify(platform.env));
for await (const _line of createInterface({ input: process.stdin })) {
  await attach();
  console.log("attached");
}
await platform.stop();
process.exit(0);

/** It has ten seconds to attach, which a computer in software may need for the first start of the broker alone. */
async function attach() {
  for (let left = 10; ; left--) {
    try {
      return await platform.script(rules);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}
