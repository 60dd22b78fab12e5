// Where things lie in the checkout.

import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** A path in the checkout. */
export function fromRoot(...parts) {
  return path.join(root, ...parts);
}

/** A program of the release build. */
export function release(program) {
  return path.join(process.env.CARGO_TARGET_DIR ?? fromRoot("target"), "release", program);
}
