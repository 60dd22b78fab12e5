// What must never stand in a log, a trace or the audit log: collected while the tests run, looked for afterwards.

import { appendFileSync, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

/** Shorter values would be found by accident. */
const SHORTEST = 6;

/** The collection of one whole run, in a file, because each test file is a process of its own. */
export class Secrets {
  constructor(file) {
    this.file = file;
  }

  /** Keeps one secret under what it is; `value` is text or bytes. */
  add(kind, value) {
    const hex = Buffer.from(value).toString("hex");
    appendFileSync(this.file, `${JSON.stringify({ kind, hex })}\n`);
  }

  /** Keeps what a ceremony let the page see: client data, signature, PRF outputs, user handle. */
  addOutcome({ credential, outputs }) {
    if (credential === undefined) return;
    const { clientDataJSON, signature } = credential.response;
    this.add("client data", Buffer.from(clientDataJSON, "base64url"));
    if (signature !== undefined) this.add("signature", Buffer.from(signature, "base64url"));
    for (const result of Object.values(outputs?.prf?.results ?? {})) this.add("PRF output", Buffer.from(result, "base64url"));
  }

  all() {
    if (!existsSync(this.file)) return [];
    return readFileSync(this.file, "utf8").trim().split("\n").filter(Boolean).map((line) => {
      const { kind, hex } = JSON.parse(line);
      return { kind, bytes: Buffer.from(hex, "hex") };
    });
  }
}

/**
 * Looks for secrets in a text, in every form in which a program may print bytes.
 *
 * Returns what it found as `{kind, form}`. The text is searched without regard to letter case for hexadecimal.
 */
export function find(secrets, text) {
  const lower = text.toLowerCase();
  return secrets
    .filter(({ bytes }) => bytes.length >= SHORTEST)
    .flatMap(({ kind, bytes }) => forms(bytes).filter(({ form, needle }) => (form.startsWith("hex") ? lower : text).includes(needle)).map(({ form }) => ({ kind, form })));
}

/** Every file below a folder, with its content as latin1 text, so that raw bytes survive. */
export function* files(dir) {
  for (const entry of readdirSync(dir, { recursive: true })) {
    const file = path.join(dir, String(entry));
    if (statSync(file).isFile()) yield { file, text: readFileSync(file, "latin1") };
  }
}

/** How bytes look in a log: raw, base64 in both alphabets, hexadecimal, a list of numbers, an escaped string. */
function forms(bytes) {
  const hex = bytes.toString("hex");
  return [
    { form: "raw", needle: bytes.toString("latin1") },
    { form: "base64", needle: bytes.toString("base64").replace(/=+$/, "") },
    { form: "base64url", needle: bytes.toString("base64url") },
    { form: "hex", needle: hex },
    { form: "hex with separators", needle: hex.match(/../g).join(" ") },
    { form: "hex with separators", needle: hex.match(/../g).join(":") },
    { form: "list", needle: [...bytes].join(", ") },
    { form: "list", needle: [...bytes].join(",") },
    { form: "escaped", needle: JSON.stringify(bytes.toString("latin1")).slice(1, -1) },
  ];
}
