"""Both Debian packages on a desktop, used as a person would: log in, open the browser, be asked by the window, sign in.

greetd logs the user in; X draws on a device that is memory, openbox manages the windows. Everything of Claviger is what the packages
brought and what the session's systemd and bus start. A program plays the person: it reads the windows as a screen reader does, presses
keys as a keyboard would, and clicks in the page by the browser's own protocol.
"""

import json
import os
import pathlib
import pwd
import select
import subprocess
import threading

from bed import KEPT, PROGRAMS, ROOT, Unmet, check, demand, equal, finish, run, start, stop, until

USER = "alice"
HOME = pathlib.Path("/home") / USER
PIN = "brisk-Otter-4071"
# What follows from the extension's public key.
POPUP = "chrome-extension://oadifemdliealhhopcejpkgocoongbin/popup.html"
# Everything is computed in software, a browser with its windows too.
PATIENCE = 900

GREETD = """[terminal]
vt = 1
[default_session]
command = "/usr/sbin/agreety --cmd /bin/bash"
user = "_greetd"
[initial_session]
command = "startx"
user = "alice"
"""
# Debian lets only root draw on a device without kernel mode setting.
WRAPPER = "allowed_users=anybody\nneeds_root_rights=yes\n"
XORG = """Section "Device"
  Identifier "memory"
  Driver "dummy"
  VideoRam 16000
EndSection
Section "Screen"
  Identifier "screen"
  Device "memory"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "1024x768"
  EndSubSection
EndSection
"""

# What the person does when the window asks (see e2e/prompt/person.py).
ANSWERS = [
    {"name": "choose-a-pin", "sees": ["Choose a PIN"], "type": PIN, "press": "Set PIN"},
    {"name": "create", "sees": ["Create a passkey", USER], "type": PIN, "press": "Create passkey"},
    {"name": "sign-in-with-the-pin", "sees": ["Sign in to", "PIN"], "type": PIN, "press": "Sign in"},
    {"name": "sign-in", "sees": ["Sign in to"], "press": "Sign in"},
]


def main():
    os.chdir("/")
    try:
        with check("both packages install; setup for one user is nobody's business yet"):
            for name in ("claviger", "claviger-gtk"):
                run("dpkg", "--install", next((PROGRAMS.parent / "deb").glob(f"{name}_*.deb")), timeout=PATIENCE)
        session = log_in()
        with Playground() as origin, Person(session) as person:
            browse(session, origin, person)
        afterwards(session)
    finally:
        (KEPT / "journal.log").write_text(run("journalctl", "--boot", "--no-pager"))
    finish()


def log_in():
    with check("a user logs in at the greeter's terminal and gets a desktop"):
        run("useradd", "--create-home", "--shell", "/bin/bash", USER)
        pathlib.Path("/etc/greetd/config.toml").write_text(GREETD)
        pathlib.Path("/etc/X11/Xwrapper.config").write_text(WRAPPER)
        pathlib.Path("/etc/X11/xorg.conf.d").mkdir(parents=True, exist_ok=True)
        pathlib.Path("/etc/X11/xorg.conf.d/memory.conf").write_text(XORG)
        run("systemctl", "start", "greetd.service")
        session = Session()
        until(session.manager, "the window manager", PATIENCE)
        return session


def browse(session, origin, person):
    browser = Browser(session, origin)
    try:
        available = "PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()"
        with check("Chromium, opened by the user, has the extension that the package brought, and it leaves the browser alone"):
            until(lambda: browser.evaluate("document.readyState") == "complete", "the page", PATIENCE)
            equal(browser.evaluate(available), False, "a platform authenticator")
            popup = browser.open(POPUP)
            button = "document.getElementById('switch')?.textContent"
            until(lambda: browser.evaluate(button, popup) == "Use Claviger in this browser", "the popup's offer", PATIENCE)
        with check("who presses the popup's button has a platform authenticator"):
            browser.evaluate("document.getElementById('switch').click()", popup)
            until(lambda: browser.evaluate(button, popup) == "Use a security key instead", "the extension's turn", PATIENCE)
            browser.shut(popup)
            until(lambda: browser.evaluate(available), "a platform authenticator", PATIENCE)
        with check("signing up: the window is in front, a PIN is chosen in it, the site accepts the passkey"):
            browser.act(f"document.getElementById('name').value = '{USER}'; document.getElementById('sign-up').click()")
            equal(browser.last(), "good", browser.said())
            equal(person.pressed(2), ["Set PIN", "Create passkey"], "the screens")
        with check("signing out, and in again"):
            browser.act("document.getElementById('sign-out').click()")
            browser.act("document.getElementById('sign-in').click()")
            equal(browser.evaluate("document.getElementById('who').textContent"), USER, "who is signed in")
            equal(person.pressed(3)[2:], ["Sign in"], "the screens")
        with check("each time the window was the active one"):
            equal({screen["in_front"] for screen in person.screens}, {"claviger-prompt"}, "the programs in front")
    finally:
        browser.close()


def afterwards(session):
    with check("status: the window asks, the roles are proved"):
        status = json.loads(session.run("claviger", "status", "--json"))
        equal((status["pin"]["set"], status["roles"]), (True, "proved"), "how it stands")
    with check("the passkey is the vault's, the audit log is whole"):
        equal([passkey["user_name"] for passkey in json.loads(session.run("claviger", "passkey", "list", "--json"))], [USER], "the passkeys")
        session.run("claviger", "audit", "--verify")
    with check("the window's process ends a minute after its last question at the latest"):
        for process in running("claviger-prompt"):
            # Looking again and again would leave the emulated processor no idle time, by which the guest's clock goes on.
            watched = select.poll()
            watched.register(os.pidfd_open(int(process.name)))
            demand(watched.poll(60_000), "it is still there")


class Session:
    """The user's session at the terminal, and programs in it."""

    def __init__(self):
        self.uid = pwd.getpwnam(USER).pw_uid
        self.env = {
            "HOME": HOME, "USER": USER, "LOGNAME": USER, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin",
            "XDG_RUNTIME_DIR": f"/run/user/{self.uid}", "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{self.uid}/bus", "DISPLAY": ":0",
        }  # fmt: skip

    def command(self, *words):
        variables = [f"{name}={value}" for name, value in self.env.items()]
        return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "env", "--ignore-environment", "--chdir", HOME, *variables, *map(str, words)]

    def run(self, *words):
        return run(*self.command(*words), timeout=PATIENCE)

    def manager(self):
        """The window manager, from whose environment the rest of the session's is taken."""
        for process in running("openbox"):
            variables = dict(word.split("=", 1) for word in (process / "environ").read_text().split("\0") if "=" in word)
            self.env["XAUTHORITY"] = variables["XAUTHORITY"]
            return True
        return False


class Playground:
    """The relying party; gives its origin."""

    def __enter__(self):
        self.process = subprocess.Popen([PROGRAMS / "claviger-playground"], stdout=subprocess.PIPE, text=True)
        return self.process.stdout.readline().strip()

    def __exit__(self, *_):
        stop(self.process)


class Person:
    """Who sits at the desktop."""

    def __init__(self, session):
        rules = HOME / "rules.json"
        rules.write_text(json.dumps(ANSWERS))
        self.pictures = HOME / "pictures"
        self.pictures.mkdir()
        os.chown(self.pictures, session.uid, session.uid)
        # Read by the user, who cannot write into what the host shows.
        code = HOME / "eyes"
        run("cp", "--recursive", ROOT / "e2e/prompt", code)
        command = session.command("python3", "-B", "-W", "ignore", code / "person.py", rules, self.pictures)
        with open(KEPT / "person.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.screens = []
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        run("cp", "--recursive", self.pictures, KEPT)

    def pressed(self, count):
        """What was pressed on so many screens; the page may know of the last one before its line has come."""
        until(lambda: len(self.screens) >= count, f"screen {count}", PATIENCE)
        return [screen["pressed"] for screen in self.screens]

    def _listen(self):
        for screen in map(json.loads, self.process.stdout):
            if "pressed" in screen:
                self.screens.append(screen)


class Browser:
    """Chromium as Debian starts it, on the user's desktop, steered by its own protocol: JSON over two pipes, each message ended by a zero."""

    SWITCHES = ["--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-gpu", "--disable-gpu-watchdog", "--disable-gpu-process-crash-limit", "--force-prefers-reduced-motion",
                "--js-flags=--jitless", "--password-store=basic", "--window-size=1000,700"]  # fmt: skip

    def __init__(self, session, origin):
        theirs, self.writes = os.pipe()
        self.reads, ours = os.pipe()
        # The browser wants these two as 3 and 4.
        shell = f'exec 3<&{theirs} 4>&{ours}; exec "$@"'
        command = session.command("bash", "-c", shell, "-", "chromium", *self.SWITCHES, origin)
        self.process = start(*command, log="chromium.log", pass_fds=(theirs, ours))
        os.close(theirs)
        os.close(ours)
        self.next, self.rest = 0, b""
        self.page = self._attach(until(lambda: self._page(origin), "the page", PATIENCE))

    def open(self, url):
        """Another page, for `evaluate`."""
        return self._attach(self._command("Target.createTarget", {"url": url})["targetId"])

    def shut(self, page):
        self._command("Page.close", {}, page)

    def evaluate(self, expression, page=None):
        question = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self._command("Runtime.evaluate", question, page or self.page)
        if "exceptionDetails" in answer:
            raise Unmet(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def act(self, what):
        """Does it, and waits until the page has said what came of it."""
        self.evaluate(f"{what}; null")
        until(lambda: self.evaluate("document.body.ariaBusy") != "true", "the page's answer", PATIENCE)

    def last(self):
        return self.evaluate("document.querySelector('#events > li').className")

    def said(self):
        return self.evaluate("document.querySelector('#events > li').textContent")

    def close(self):
        with check("Chromium ends"):
            self._send("Browser.close", {}, None)
            self.process.wait(PATIENCE)

    def _attach(self, target):
        return self._command("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]

    def _page(self, origin):
        targets = self._command("Target.getTargets", {})["targetInfos"]
        return next((target["targetId"] for target in targets if target["type"] == "page" and target["url"].startswith(origin)), None)

    def _send(self, method, params, session):
        self.next += 1
        message = {"id": self.next, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        return self.next

    def _command(self, method, params, session=None):
        wanted = self._send(method, params, session)
        while True:
            message = json.loads(self._message())
            if message.get("id") == wanted:
                demand("error" not in message, message.get("error"))
                return message["result"]

    def _message(self):
        while b"\0" not in self.rest:
            part = os.read(self.reads, 65536)
            demand(part, "Chromium ended: see chromium.log")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return message


def running(name):
    """The processes of this program."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if pathlib.Path((process / "cmdline").read_text().split("\0")[0]).name == name:
                found.append(process)
        except OSError:
            pass  # It ended while we looked.
    return found


main()
