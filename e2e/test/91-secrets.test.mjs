// Is there a secret in any line that the whole run logged, at the most verbose level?

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { RUN } from "../lib/bed.mjs";
import { Secrets, files, find } from "../lib/secrets.mjs";

const BEDS = ["01-story", "02-refusals", "03-providers", "04-lock-out", "05-told", "06-pages"];
const secrets = new Secrets(path.join(RUN, "secrets.jsonl")).all();

test("every kind of secret was collected", () => {
  const kinds = new Map();
  for (const { kind } of secrets) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  for (const kind of ["PIN", "client data", "signature", "PRF output", "PRF seed", "private key"]) assert.ok(kinds.get(kind) > 0, `${kind}: ${[...kinds.keys()]}`);
});

test("the search finds a secret in each of its forms, so it would have found one", () => {
  for (const { kind, bytes } of secrets) {
    const printed = [
      bytes.toString("latin1"),
      bytes.toString("base64"),
      bytes.toString("base64url"),
      bytes.toString("hex").toUpperCase(),
      JSON.stringify([...bytes]),
      `Secret { bytes: [${[...bytes].join(", ")}] }`,
    ];
    for (const text of printed) assert.ok(find([{ kind, bytes }], `2026-11-22 TRACE claviger: value=${text} end`).length > 0, `${kind} as ${text.slice(0, 20)}`);
  }
  assert.deepEqual(find(secrets, "2026-11-22 INFO claviger: nothing to see"), []);
});

for (const bed of BEDS) {
  test(`${bed}: logs at the most verbose level, and no secret in them`, () => {
    const logs = [...files(path.join(RUN, bed))];
    const log = (role) => logs.find(({ file }) => path.basename(file) === `${role}.log`)?.text;
    for (const role of ["broker", "hello", "vault", "native-host", "prompt"]) assert.ok(log(role), `${role}.log has lines`);
    assert.match(log("broker"), / TRACE /, "the filter is the most verbose one, for all roles alike");
    assert.ok(existsSync(path.join(RUN, bed, "audit.jsonl")), "the audit log is there");
    for (const { file, text } of logs) assert.deepEqual(find(secrets, text), [], path.relative(RUN, file));
  });
}

for (const bed of BEDS) {
  test(`${bed}: no PIN, no private key and no PRF seed ever crossed the bus`, () => {
    const traffic = readFileSync(path.join(RUN, `${bed}.bus`), "latin1");
    for (const member of ["NextView", "Act", "Verify", "Execute", "Ceremony"]) assert.match(traffic, new RegExp(`member=${member}\\b`), "the whole conversation was heard");
    const home = secrets.filter(({ kind }) => ["PIN", "private key", "PRF seed"].includes(kind));
    assert.deepEqual(find(home, withBytesJoined(traffic)), []);
  });
}

test("a PIN that crossed the bus would be found", () => {
  const [{ kind, bytes }] = secrets;
  const lines = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const asBytes = `   array of bytes [\n      ${lines.slice(0, 16).join(" ")}\n      ${lines.slice(16).join(" ")}\n   ]\n`;
  for (const text of [`   string "${bytes.toString()}"\n`, `   array of bytes "${bytes.toString()}"\n`, asBytes]) {
    assert.ok(find([{ kind, bytes }], withBytesJoined(text)).length > 0, text);
  }
});

/** dbus-monitor breaks byte arrays into lines; joined, a secret in the middle of one can be found. */
function withBytesJoined(traffic) {
  return traffic.replace(/ *\n +(?=[0-9a-f]{2}( |\n))/g, " ");
}
