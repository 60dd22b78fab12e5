// Two verifiers that share no code with the playground's webauthn-rs, nor with each other.
//
// Each takes recorded ceremonies in order and says for each `{ok}` or `{ok: false, error}`. The key of a sign-in is the
// one that the same verifier took from the registration.

import { spawnSync } from "node:child_process";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { fromRoot } from "./paths.mjs";

/** The npm package @simplewebauthn/server. */
export async function simpleWebAuthn(ceremonies) {
  const credentials = new Map();
  const verdicts = [];
  for (const ceremony of ceremonies) {
    try {
      await check(ceremony, credentials);
      verdicts.push({ ok: true });
    } catch (error) {
      verdicts.push({ ok: false, error: error.message });
    }
  }
  return verdicts;
}

/** The PyPI package `webauthn`, in the virtual environment that ./test makes. */
export function pyWebAuthn(ceremonies) {
  const python = fromRoot("target/verifiers/bin/python");
  const input = ceremonies.map((ceremony) => JSON.stringify(ceremony)).join("\n");
  const done = spawnSync(python, [fromRoot("e2e/verify/verify.py")], { input, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`the Python verifier cannot run: ${done.stderr || done.error}`);
  return done.stdout.trim().split("\n").map((line) => JSON.parse(line));
}

async function check({ kind, response, expected }, credentials) {
  const common = {
    response,
    expectedChallenge: expected.challenge,
    expectedOrigin: expected.origin,
    expectedRPID: expected.rpId,
    requireUserVerification: expected.userVerification === "required",
  };
  if (kind === "create") {
    const { verified, registrationInfo } = await verifyRegistrationResponse({ ...common, supportedAlgorithmIDs: [-7, -8] });
    if (!verified) throw new Error("the registration is not verified");
    credentials.set(response.id, registrationInfo.credential);
  } else {
    const credential = credentials.get(response.id);
    if (credential === undefined) throw new Error("the registration of this passkey was not verified");
    const { verified } = await verifyAuthenticationResponse({ ...common, credential });
    if (!verified) throw new Error("the signature is not verified");
  }
}
