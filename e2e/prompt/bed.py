"""A desktop of the tests' own: an X server in memory, a window manager, a message bus with the accessibility bus, and a platform.

Nothing of it touches the session that the tests run in: display, bus, home and every XDG directory are its own, and end with it.
"""

import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("PROGRAMS") or ROOT / "target/debug").resolve()

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth><servicedir>{services}</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


def until(condition, what, seconds=20):
    """The first true value of the condition; the limit is for a machine that is busy."""
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        # Looking keeps what is looked at from getting on: it has as much time for itself.
        time.sleep(max(0.02, now - began))


class Desktop:
    """Everything that has to run before a window can be shown. Services of the bus get its environment, `variables` among it."""

    def __init__(self, manager="openbox", size="1280x900", variables=None, broker="claviger broker"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="claviger-prompt-"))
        self.running = []
        home = {name: self.dir / folder for name, folder in [
            ("HOME", "home"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"),
            ("XDG_RUNTIME_DIR", "runtime"), ("XDG_STATE_HOME", "state")]}
        for folder in home.values():
            folder.mkdir(mode=0o700)
        self.env = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "GDK_BACKEND": "x11", **{name: str(path) for name, path in home.items()},
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.dir / 'bus'}", **(variables or {}),
        }
        self.env["DISPLAY"] = self._display(size)
        self._bus(broker)
        self.manage(manager)
        # Not over the window, where it would bring tips up.
        self.output("xdotool", "mousemove", "0", "0")

    def _display(self, size):
        read, write = os.pipe()
        self.start(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            return f":{number.readline().strip()}"

    def _bus(self, broker):
        services = self.dir / "services"
        services.mkdir()
        shutil.copy("/usr/share/dbus-1/services/org.a11y.Bus.service", services)
        for name, command in [("Broker", broker), ("Hello", "claviger hello"), ("Vault", "claviger vault"), ("Prompt", "claviger-prompt")]:
            text = f"[D-BUS Service]\nName=org.claviger.{name}\nExec={PROGRAMS / command}\n"
            (services / f"org.claviger.{name}.service").write_text(text)
        providers = self.dir / "data/claviger/providers"
        providers.mkdir(parents=True)
        shutil.copy(ROOT / "crates/claviger/data/org.claviger.Vault.provider", providers)
        callers = self.dir / "config/claviger"
        callers.mkdir(parents=True)
        # The tests are the browser.
        (callers / "privileged-callers").write_text(f"{os.path.realpath('/proc/self/exe')}\n")
        (self.dir / "bus.conf").write_text(BUS.format(bus=self.dir / "bus", services=services))
        self.start(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={self.dir / 'bus.conf'}"])
        until((self.dir / "bus").exists, "the message bus")

    def manage(self, manager):
        """Runs this window manager."""
        self.manager = self.start([manager])
        until(lambda: self.root("_NET_SUPPORTING_WM_CHECK"), manager)

    def root(self, name):
        """A property of the root window, as xprop prints it."""
        said = self.output("xprop", "-root", name)
        return "" if "no such atom" in said or "not found" in said else said

    def start(self, command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        with open(self.dir / "log", "ab") as log:
            options.setdefault("stdout", log)
            process = subprocess.Popen([str(word) for word in command], env=self.env, stderr=log, start_new_session=True, **options)
        self.running.append(process)
        return process

    def output(self, *command):
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=30).stdout

    def claviger(self, *arguments):
        return self.output(PROGRAMS / "claviger", *arguments)

    def keys(self, *keys):
        """Presses keys, as a keyboard would (XTest)."""
        self.output("xdotool", "key", "--delay", "20", *keys)

    def type(self, text):
        self.output("xdotool", "type", "--delay", "20", text)

    def geometry(self):
        """Place and size of the window in front."""
        said = self.output("xdotool", "getactivewindow", "getwindowgeometry", "--shell")
        return {name: int(value) for name, value in (line.split("=", 1) for line in said.splitlines()) if name != "WINDOW"}

    def picture(self, name):
        """Keeps what is on the screen."""
        folder = ROOT / "target/run/prompt"
        folder.mkdir(parents=True, exist_ok=True)
        self.output("import", "-window", "root", str(folder / f"{name}.png"))

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def stop(self):
        for process in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Shown:
    """The window over views that no broker made (`examples/show`)."""

    def __init__(self, desktop):
        self.process = desktop.start(["env", "GSK_RENDERER=cairo", "GDK_DEBUG=gl-disable", PROGRAMS / "examples/show"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.told = []
        self._rest = b""

    def view(self, view):
        self.process.stdin.write(json.dumps(view).encode() + b"\n")
        self.process.stdin.flush()

    def answers(self):
        """What was done in the window so far."""
        lines = (self._rest + (self.process.stdout.read() or b"")).split(b"\n")
        self._rest = lines.pop()
        self.told += [json.loads(line) for line in lines]
        return self.told

    def answer(self):
        """The next thing that is done, taken out."""
        until(self.answers, "an answer")
        return self.told.pop(0)

    def end(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Page:
    """A page at the browser door: the test is the browser."""

    def __init__(self, desktop, kind, site, public_key):
        self.host = desktop.start([PROGRAMS / "claviger", "native-host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        message = {"channel": "c", "type": "ceremony", "kind": kind, "request": {
            "requestId": "1", "origin": f"https://{site}", "sameOriginWithAncestors": True, "publicKey": public_key}}
        text = json.dumps(message).encode()
        self.host.stdin.write(struct.pack("=I", len(text)) + text)
        self.host.stdin.flush()

    def answer(self):
        ready, _, _ = select.select([self.host.stdout], [], [], 30)
        if not ready:
            raise AssertionError("the page hears nothing")
        (length,) = struct.unpack("=I", self.host.stdout.read(4))
        return json.loads(self.host.stdout.read(length))

    def close(self):
        self.host.stdin.close()
        self.host.stdout.close()
        self.host.wait()
