// The relying party as a program of its own, and what it recorded.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { program } from "./paths.mjs";

export class Playground {
  #child;

  /** Starts a playground on a free port. `record` names the file for the ceremonies. */
  static async start({ port = 0, record } = {}) {
    const child = spawn(program("claviger-playground"), ["--port", String(port), ...(record === undefined ? [] : ["--record", record])], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const origin = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("error", reject);
      child.once("exit", (status) => reject(new Error(`the playground ended with status ${status}`)));
    });
    return new Playground(child, origin, record);
  }

  constructor(child, origin, record) {
    this.#child = child;
    this.origin = origin;
    this.record = record;
  }

  /** The recorded ceremonies, oldest first. */
  ceremonies() {
    if (this.record === undefined || !existsSync(this.record)) return [];
    return readFileSync(this.record, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  async stop() {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}
