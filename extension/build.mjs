// Builds the extension into `dist/`: the compiler's output beside the files that need no compiling.
//
// No bundler: the worker is an ES module, so what a reviewer sees loaded in the browser is the source, less its types.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
execFileSync(path.join(here, "node_modules/.bin/tsc"), ["-p", path.join(here, "tsconfig.json")], { stdio: "inherit" });
cpSync(path.join(here, "static"), dist, { recursive: true });
