// The second half of ./run: everything is built, now it is started. Usage: run.mjs person | story | platform [SCRIPT]

import { spawn } from "node:child_process";
import path from "node:path";
import { chromiumProgram, switches } from "../lib/browser.mjs";
import { fromRoot, program } from "../lib/paths.mjs";
import { EXTENSION_ID, NOTEBOOK, Platform } from "../lib/platform.mjs";
import { Playground } from "../lib/playground.mjs";
import { play } from "../lib/story.mjs";
import { until } from "../lib/wait.mjs";

const [mode, script] = process.argv.slice(2);
/** What has to end before this process does, the last started first. */
const running = [];
let ending = false;

for (const fault of ["uncaughtException", "unhandledRejection"]) process.on(fault, (error) => (console.error(error), void end(1)));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void end(130));

try {
  if (mode === "story") await story();
  else if (mode === "person") await person();
  else await platformOnly();
} catch (error) {
  console.error(error.message);
  await end(1);
}

/** With a display: the user's own hands. */
async function person() {
  const platform = keep(await Platform.start({ display: display() }));
  const playground = keep(await Playground.start());
  const args = [...switches({ headless: false }), `--user-data-dir=${platform.userDataDir}`, playground.origin];
  const browser = keepChild(spawn(chromiumProgram(), args, { env: { ...process.env, ...platform.env }, stdio: "ignore" }));
  browser.on("exit", () => void end(0));
  console.log(`Chromium is open on ${playground.origin}, with a profile of its own that is thrown away at the end.`);
  console.log("Claviger's questions appear in a window of their own. Ctrl-C ends everything.");
  console.log("The first one: may a second provider, the Notebook, keep passkeys too? (Say no to use the built-in vault alone.) Then sign up.\n");
  void platform.clavigerAsync("provider", "enable", NOTEBOOK);
}

/** Without one: the same story, told. */
async function story() {
  const worked = await play({ pictures: fromRoot("target/run"), keep });
  await end(worked ? 0 : 1);
}

/** The platform alone, for the browser or the tests of somebody else. */
async function platformOnly() {
  const platform = keep(await Platform.start({ scripted: script !== undefined }));
  const playground = keep(await Playground.start());
  const here = script === undefined && process.stdin.isTTY;
  const command = [program("claviger"), "prompt", ...(script === undefined ? [] : ["--script", script])];
  if (script !== undefined) {
    const prompt = keepChild(spawn(command[0], command.slice(1), { env: { ...process.env, ...platform.env }, stdio: ["ignore", "ignore", "inherit"] }));
    prompt.on("exit", (status) => status !== 0 && !ending && (console.error("The scripted prompt ended."), void end(1)));
  }
  const facts = {
    extension: fromRoot("extension/dist"),
    extension_id: EXTENSION_ID,
    native_messaging_hosts: platform.nativeMessagingHosts,
    user_data_dir: platform.userDataDir,
    dbus_address: platform.busAddress,
    env: platform.env,
    claviger: program("claviger"),
    prompt: { kind: script === undefined ? "terminal" : "scripted", running: here || script !== undefined, command },
    playground: playground.origin,
    chromium_switches: switches({ headless: false }),
    logs: platform.logs,
  };
  console.log(JSON.stringify(facts, null, 2));
  if (here) await askHere(platform);
  else console.error("Running. Ctrl-C ends it.");
}

/** The user's prompt, in this terminal; it can ask when this resolves. Its end is not the end: a newer one may have taken over. */
async function askHere(platform) {
  keepChild(spawn(program("claviger"), ["prompt"], { env: { ...process.env, ...platform.env }, stdio: "inherit" }));
  await until(() => platform.status().prompt.attached, 10_000, "attaching the prompt");
}

/** What a window needs to know of the user's display. */
function display() {
  const names = ["DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE", "LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "GTK_THEME"];
  const known = Object.fromEntries(names.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]]));
  // HOME is the platform's own, and X11 looks there where nothing is said.
  known.XAUTHORITY ??= path.join(process.env.HOME ?? "/", ".Xauthority");
  const { WAYLAND_DISPLAY: socket, XDG_RUNTIME_DIR: runtime } = process.env;
  // Its name counts from the runtime folder, and the platform has one of its own.
  return socket === undefined ? known : { ...known, WAYLAND_DISPLAY: path.resolve(runtime ?? "/", socket) };
}

function keep(thing) {
  running.push(thing);
  return thing;
}

function keepChild(child) {
  child.on("error", (error) => (console.error(error.message), void end(1)));
  running.push({
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", resolve);
        child.kill("SIGTERM");
      }),
  });
  return child;
}

async function end(status) {
  if (ending) return;
  ending = true;
  for (const thing of running.reverse()) await thing.stop().catch((error) => console.error(error.message));
  process.exit(status);
}
