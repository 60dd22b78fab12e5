// Do two unrelated libraries agree with what the playground accepted in the whole run?

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { RUN } from "../lib/bed.mjs";
import { pyWebAuthn, simpleWebAuthn } from "../lib/verifiers.mjs";

const ceremonies = readdirSync(RUN)
  .filter((file) => file.endsWith(".jsonl") && file !== "secrets.jsonl")
  .flatMap((file) => readFileSync(path.join(RUN, file), "utf8").trim().split("\n").filter(Boolean))
  .map((line) => JSON.parse(line));
const accepted = ceremonies.filter((ceremony) => ceremony.accepted);
const algorithmOf = new Map(accepted.filter(({ kind }) => kind === "create").map(({ response }) => [response.id, response.response.publicKeyAlgorithm]));

test("the run has registrations and sign-ins with ES256 and Ed25519, with and without PRF", () => {
  for (const kind of ["create", "get"]) {
    for (const algorithm of [-7, -8]) {
      for (const prf of [true, false]) {
        const found = accepted.filter((ceremony) => ceremony.kind === kind && algorithmOf.get(ceremony.response.id) === algorithm && ("prf" in (ceremony.options.extensions ?? {})) === prf);
        assert.ok(found.length > 0, `${kind}, algorithm ${algorithm}, ${prf ? "with" : "without"} PRF`);
      }
    }
  }
});

test("the playground refused nothing that a passkey signed", () => {
  assert.deepEqual(ceremonies.filter((ceremony) => !ceremony.accepted).map((ceremony) => ceremony.refusal), []);
});

for (const [name, verify] of [["@simplewebauthn/server", simpleWebAuthn], ["webauthn from PyPI", pyWebAuthn]]) {
  test(`${name} accepts every ceremony`, async () => {
    const verdicts = await verify(accepted);
    assert.equal(verdicts.length, accepted.length);
    assert.deepEqual(verdicts.filter((verdict) => !verdict.ok), []);
  });

  test(`${name} rejects each of them with one bit turned`, async () => {
    // The registrations stay whole, so that each sign-in is judged by its own signature.
    const spoiled = accepted.flatMap((ceremony) => (ceremony.kind === "create" ? [ceremony, spoil(ceremony)] : [spoil(ceremony)]));
    const verdicts = await verify(spoiled);
    for (const [index, verdict] of verdicts.entries()) assert.equal(verdict.ok, !spoiled[index].spoiled, `${spoiled[index].kind} ${index}`);
  });
}

/** Another origin for a registration, another signature for a sign-in. */
function spoil(ceremony) {
  const copy = { ...structuredClone(ceremony), spoiled: true };
  if (copy.kind === "create") {
    copy.expected.origin = copy.expected.origin.replace("localhost", "lookalike");
  } else {
    const signature = Buffer.from(copy.response.response.signature, "base64url");
    signature[signature.length - 1] ^= 1;
    copy.response.response.signature = signature.toString("base64url");
  }
  return copy;
}
