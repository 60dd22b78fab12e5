// A whole platform of its own: private bus, temporary store, the providers, the native host's manifest.
//
// Nothing here touches the user's session: every XDG directory and HOME lie in one temporary folder, and the bus is a
// dbus-daemon with a configuration of its own. The roles are started by that bus on demand, as in real life, through
// small wrapper scripts that set the environment and keep the log.

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Prompt } from "./prompt.mjs";
import { fromRoot, program } from "./paths.mjs";
import { until } from "./wait.mjs";

/** The extension's id; it follows from the public `key` in its manifest. */
export const EXTENSION_ID = "oadifemdliealhhopcejpkgocoongbin";
export const VAULT = "org.claviger.Vault";
export const NOTEBOOK = "org.example.Notebook";

const NATIVE_HOST = "org.claviger.browser";

/** Which program D-Bus starts for which name. */
const SERVICES = {
  "org.claviger.Broker": { role: "broker", program: "claviger", args: ["broker"] },
  "org.claviger.Hello": { role: "hello", program: "claviger", args: ["hello"] },
  [VAULT]: { role: "vault", program: "claviger", args: ["vault"] },
  [NOTEBOOK]: { role: "notebook", program: "examples/notebook", args: [] },
};

/** The window that asks, which the bus starts where there is a display. */
const WINDOW = { role: "window", program: "claviger-prompt", args: [] };

export class Platform {
  #bus;
  #prompt = null;

  /**
   * Starts a bus on which the platform comes up by itself when it is first needed.
   *
   * @param {object} options
   * @param {boolean} [options.scripted] whether the broker accepts a prompt that answers from a script
   * @param {string} [options.log] the tracing filter, `CLAVIGER_LOG`
   * @param {string} [options.logs] where logs and traces go; below the temporary folder when left out
   * @param {Record<string, string>} [options.display] what a program needs in its environment to show a window; without it there is none
   * @param {Record<string, string>} [options.before] shell words before a role's command, e.g. `{hello: "unshare --time"}`
   */
  static async start({ scripted = false, log = "info", logs, display, before = {} } = {}) {
    const platform = new Platform(mkdtempSync(path.join(os.tmpdir(), "claviger-")), log, logs);
    try {
      platform.#layOut(scripted, display, before);
      await platform.#startBus();
    } catch (error) {
      await platform.stop();
      throw error;
    }
    return platform;
  }

  constructor(dir, log, logs) {
    this.dir = dir;
    this.log = log;
    this.logs = logs ?? path.join(dir, "logs");
    this.userDataDir = path.join(dir, "browser");
    this.busAddress = `unix:path=${path.join(dir, "bus")}`;
    /** What a program needs in its environment to be part of this platform. */
    this.env = {
      HOME: path.join(dir, "home"),
      XDG_CACHE_HOME: path.join(dir, "cache"),
      XDG_CONFIG_HOME: path.join(dir, "config"),
      XDG_DATA_HOME: path.join(dir, "data"),
      XDG_RUNTIME_DIR: path.join(dir, "runtime"),
      XDG_STATE_HOME: path.join(dir, "state"),
      DBUS_SESSION_BUS_ADDRESS: this.busAddress,
    };
  }

  /** The folder to copy into a browser's profile as `NativeMessagingHosts`. */
  get nativeMessagingHosts() {
    return path.join(this.userDataDir, "NativeMessagingHosts");
  }

  /** Runs `claviger ARGS` on this platform and returns its standard output; throws when it fails. */
  claviger(...args) {
    const done = spawnSync(program("claviger"), args, { env: { ...process.env, ...this.env }, encoding: "utf8", timeout: 60_000 });
    if (done.status !== 0) throw new Error(`claviger ${args.join(" ")}: ${done.stderr || done.error || `status ${done.status}`}`);
    return done.stdout;
  }

  /** Like {@link claviger}, without waiting in the way of others: needed when the command asks the prompt. */
  clavigerAsync(...args) {
    const child = spawn(program("claviger"), args, { env: { ...process.env, ...this.env }, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
  }

  status() {
    return JSON.parse(this.claviger("status", "--json"));
  }

  /** The newest entries of the audit log, oldest first. */
  audit(last = 20) {
    return JSON.parse(this.claviger("audit", "--last", String(last), "--json")).entries;
  }

  /** Puts a scripted prompt with these rules in place of whatever prompt there was. */
  async script(rules) {
    await this.#prompt?.stop();
    this.#prompt = await Prompt.start(this, rules);
    return this.#prompt;
  }

  /** Ends the prompt: from now on nobody can be asked. */
  async withoutPrompt() {
    await this.#prompt?.stop();
    this.#prompt = null;
  }

  /** The running processes of a role (`broker`, `hello`, `vault`, `notebook`, `native-host`). */
  pids(role) {
    return this.#processes((file) => file.startsWith(`${role}.`));
  }

  signal(role, signal) {
    for (const pid of this.pids(role)) process.kill(pid, signal);
  }

  /** Replaces what D-Bus starts for a provider; `null` puts the real one back. */
  replaceProgram(role, script) {
    const file = path.join(this.dir, "bin", role);
    const kept = `${file}.real`;
    if (!existsSync(kept)) copyFileSync(file, kept);
    if (script === null) copyFileSync(kept, file);
    else writeFileSync(file, script);
    chmodSync(file, 0o755);
  }

  /** Ends everything that was started and removes the store. Safe to call more than once. */
  async stop() {
    await this.withoutPrompt();
    const everyone = this.#processes(() => true);
    if (this.#bus?.exitCode === null) this.#bus.kill("SIGTERM");
    for (const pid of everyone) kill(pid, "SIGTERM");
    // A role that a test has stopped cannot obey before it goes on.
    for (const pid of everyone) kill(pid, "SIGCONT");
    await until(() => this.#processes(() => true).length === 0, 3_000).catch(() => {
      for (const pid of this.#processes(() => true)) kill(pid, "SIGKILL");
    });
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Those of the started processes that still run, by the name of the file that their wrapper left. */
  #processes(wanted) {
    const dir = path.join(this.dir, "pids");
    if (!existsSync(dir)) return [];
    return readdirSync(dir)
      .filter(wanted)
      .map((file) => ({ pid: Number(file.slice(file.lastIndexOf(".") + 1)), started: readFileSync(path.join(dir, file), "utf8").trim() }))
      .filter(({ pid, started }) => startTime(pid) === started)
      .map(({ pid }) => pid);
  }

  #layOut(scripted, display, before) {
    for (const dir of [...Object.values(this.env).filter((value) => value.startsWith("/")), this.nativeMessagingHosts, this.logs]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    }
    for (const dir of ["bin", "pids", "services", "data/claviger/providers"]) mkdirSync(path.join(this.dir, dir), { recursive: true });
    copyFileSync(fromRoot("crates/claviger/data/org.claviger.Vault.provider"), path.join(this.dir, "data/claviger/providers/org.claviger.Vault.provider"));
    copyFileSync(fromRoot("crates/provider/examples/org.example.Notebook.provider"), path.join(this.dir, "data/claviger/providers/org.example.Notebook.provider"));
    const services = { ...SERVICES, ...(display === undefined ? {} : { "org.claviger.Prompt": WINDOW }) };
    // What speaks to screen readers, and to the tests' own eyes.
    const accessibility = "/usr/share/dbus-1/services/org.a11y.Bus.service";
    if (display !== undefined && existsSync(accessibility)) copyFileSync(accessibility, path.join(this.dir, "services/org.a11y.Bus.service"));
    for (const [name, { role, program: named, args }] of Object.entries(services)) {
      const further = role === "broker" && scripted ? ["--allow-scripted-prompt"] : role === "notebook" ? ["--dir", this.notebookDir] : [];
      const file = this.#wrap(role, [program(named), ...args, ...further], before[role], role === WINDOW.role ? display : {});
      writeFileSync(path.join(this.dir, "services", `${name}.service`), `[D-BUS Service]\nName=${name}\nExec=${file}\n`);
    }
    const host = this.#wrap("native-host", [program("claviger"), "native-host"]);
    writeFileSync(
      path.join(this.nativeMessagingHosts, `${NATIVE_HOST}.json`),
      JSON.stringify({
        name: NATIVE_HOST,
        description: "Claviger (a platform started by ./run)",
        path: host,
        type: "stdio",
        allowed_origins: [`chrome-extension://${EXTENSION_ID}/`],
      }),
    );
    writeFileSync(path.join(this.dir, "bus.conf"), busConfiguration(this.dir));
  }

  /** Where the second provider keeps its own storage. */
  get notebookDir() {
    return path.join(this.dir, "notebook");
  }

  /** A script that becomes the program, so that whoever looks at the process sees the program and its true parent. */
  #wrap(role, command, before = "", more = {}) {
    const file = path.join(this.dir, "bin", role);
    const variables = Object.entries({ ...this.env, CLAVIGER_LOG: this.log, ...more }).map(([name, value]) => `export ${name}=${quote(value)}`);
    writeFileSync(
      file,
      [
        "#!/bin/sh",
        ...variables,
        // Process id and start time name a process for good; the id alone may be another's by the time it is killed.
        `cut -d' ' -f22 /proc/$$/stat > ${quote(path.join(this.dir, "pids", role))}.$$`,
        `exec ${[before, ...command.map(quote)].join(" ").trim()} 2>> ${quote(path.join(this.logs, `${role}.log`))}`,
        "",
      ].join("\n"),
    );
    chmodSync(file, 0o755);
    return file;
  }

  async #startBus() {
    const log = [];
    // The bus ends with this process, even when nobody could clean up.
    const command = ["--pdeathsig", "TERM", "dbus-daemon", "--nofork", "--print-address", `--config-file=${path.join(this.dir, "bus.conf")}`];
    this.#bus = spawn("setpriv", command, { env: { PATH: process.env.PATH, ...this.env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#bus.stdout.on("data", (data) => log.push(String(data)));
    this.#bus.stderr.on("data", (data) => log.push(String(data)));
    const failed = new Promise((_, reject) => {
      this.#bus.on("error", (error) => reject(new Error(`dbus-daemon cannot be started: ${error.message}`)));
      this.#bus.on("exit", () => reject(new Error(`dbus-daemon ended: ${log.join("")}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([until(() => log.join("").includes("unix:"), 5_000), failed]);
  }
}

/** When a process started, in the kernel's ticks; null when there is none, or only what its parent has not collected. */
function startTime(pid) {
  try {
    // The fields after the program's name, which stands in parentheses and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return "ZX".includes(fields[0]) ? null : fields[19];
  } catch {
    return null;
  }
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function busConfiguration(dir) {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${dir}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${dir}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}
