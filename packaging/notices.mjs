// The notices that the licences of the libraries inside a program want to be passed on: packaging/notices.mjs CRATE prints them.
//
// Which libraries those are is cargo's to say; their licence files lie in the sources that the build has fetched. The same
// text, however its lines are broken, is printed once, below the names of all libraries that come with it.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const LICENCE_FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
const RULE = "-".repeat(80);

const libraries = linked();
/** A text and who comes with it, by its words. */
const texts = new Map();
const without = [];
for (const library of libraries) {
  const files = readdirSync(library.folder, { withFileTypes: true }).filter((file) => file.isFile() && LICENCE_FILE.test(file.name));
  if (files.length === 0) without.push(library);
  for (const file of files) {
    const text = readFileSync(path.join(library.folder, file.name), "utf8").replaceAll("\r\n", "\n").trim();
    const words = text.split(/\s+/).join(" ");
    texts.set(words, { text, holders: new Set(texts.get(words)?.holders).add(library.name) });
  }
}

console.log("Claviger contains these libraries, each under the licence that stands beside it:\n");
for (const { name, version, license, repository } of libraries) console.log(`  ${name} ${version}: ${license}${repository ? ` (${repository})` : ""}`);
console.log("  the Rust standard library: MIT OR Apache-2.0 (https://github.com/rust-lang/rust)");
if (without.length > 0) {
  console.log("\nThese come without a licence text of their own; by their authors:\n");
  for (const { name, authors } of without) console.log(`  ${name}: ${authors.join(", ") || "the project's contributors"}`);
}
for (const { text, holders } of texts.values()) {
  console.log(`\n${RULE}\n${[...holders].join(", ")}\n${RULE}\n\n${text}`);
}

/** The libraries of others that are linked into the program, by name. */
function linked() {
  const tree = ["tree", "--locked", "--package", process.argv[2], "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"];
  const wanted = new Set(run("cargo", tree).split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")));
  const here = run("rustc", ["--version", "--verbose"]).match(/^host: (.*)$/m)[1];
  // Without a platform cargo would fetch what only others need.
  const { packages } = JSON.parse(run("cargo", ["metadata", "--locked", "--format-version", "1", "--filter-platform", here]));
  return packages
    .filter(({ name, version, source }) => source !== null && wanted.has(`${name} v${version}`))
    .map(({ name, version, license, repository, authors, manifest_path }) => {
      if (!license) throw new Error(`${name} names no licence`);
      return { name, version, license, repository, authors, folder: path.dirname(manifest_path) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function run(program, args) {
  return execFileSync(program, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] });
}
