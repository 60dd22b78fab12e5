// Where things lie in the checkout.

import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** A path in the checkout. */
export function fromRoot(...parts) {
  return path.join(root, ...parts);
}

/** A program of the build that CLAVIGER_PROFILE names, or of the release build. */
export function program(name) {
  const profile = process.env.CLAVIGER_PROFILE ?? "release";
  return path.join(process.env.CARGO_TARGET_DIR ?? fromRoot("target"), profile === "dev" ? "debug" : profile, name);
}
