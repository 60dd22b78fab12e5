// A whole platform for a part: platform.mjs LOGS PIN. Prints one line of JSON, then serves until its input ends.
//
// A script answers in the user's place: it agrees to everything, verifies with the PIN, and has the vault keep what is
// created. What it was shown is in LOGS/prompt.log.

import { once } from "node:events";
import { Platform, VAULT } from "../../e2e/lib/platform.mjs";

const [logs, pin] = process.argv.slice(2);
const platform = await Platform.start({ scripted: true, logs });
await platform.script([
  { when: { kind: "create" }, do: { approve: true, choose: VAULT, pin } },
  { when: {}, do: { approve: true, pin } },
]);
console.log(JSON.stringify(platform.env));
process.stdin.resume();
await once(process.stdin, "end");
await platform.stop();
process.exit(0);
