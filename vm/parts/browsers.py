"""A stock browser without any extension at the playground, with both devices one after the other: browsers.py firefox | chromium."""

import collections
import contextlib
import json
import pathlib
import subprocess
import sys

from bed import KEPT, PROGRAMS, ROOT, Key, Unmet, check, equal, finish, note, start, stop, until
from door import Door


@contextlib.contextmanager
def playground():
    """The relying party; gives its origin."""
    process = subprocess.Popen([PROGRAMS / "claviger-playground", "--record", KEPT / "ceremonies.jsonl"], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        stop(process)


class Browser:
    """The browser, driven by browse.mjs; each of its steps is a check."""

    def __init__(self, name, origin):
        self.name = name
        self.process = subprocess.Popen(
            ["node", ROOT / "vm/parts/browse.mjs", name, origin, KEPT / f"{name}.log"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._steps(name)

    def story(self, account, device, refused):
        """The whole story with the one device that there is; `refused` says whether that has refused the second registration."""
        with contextlib.suppress(BrokenPipeError):
            print(account, file=self.process.stdin, flush=True)
        self._steps(f"{self.name}, {device}")
        with check(f"{self.name}, {device}: which refuses"):
            until(refused, "the device's refusal")

    def close(self):
        with check(f"{self.name}: ends well"):
            self.process.stdin.close()
            equal(self.process.wait(60), 0, "the driver's status")

    def _steps(self, title):
        """Until the driver waits again; one that ends has not done what it should."""
        for line in map(json.loads, iter(self.process.stdout.readline, "")):
            if "done" in line:
                return
            with check(f"{title}: {line['step']}"):
                if "error" in line:
                    raise Unmet(line["error"])
            if "note" in line:
                note(line["note"])
        with check(f"{title}: goes on"):
            raise Unmet(f"the driver ended with {self.process.wait()}")


@contextlib.contextmanager
def udev():
    """Without it Chromium, once it has started, does not learn of devices that come and go."""
    process = start("/usr/lib/systemd/systemd-udevd", log="udev.log")
    try:
        until(pathlib.Path("/run/udev/control").exists, "udev's start")
        yield
    finally:
        stop(process)


def main(name):
    with udev(), playground() as origin:
        browser = Browser(name, origin)
        with Key("--uv", "builtin"):
            browser.story("alice", "the virtual key", lambda: "CredentialExcluded" in (KEPT / "virtual-key.log").read_text())
        with Door() as door:
            browser.story("bob", "the platform", lambda: any((view["problem"] or {}).get("code") == "excluded" for view in door.views()))
            questions(door)
        browser.close()
    finish()


def questions(door):
    with check("the user was asked once for each ceremony, and not for the browser's probes"):
        asked = {view["prompt"]: view["kind"] for view in door.views() if view["kind"] in ("create", "sign-in")}
        # One registration and the one that is refused; two sign-ins and two for the note.
        equal(dict(collections.Counter(asked.values())), {"create": 2, "sign-in": 4}, "the questions")
    with check("the user was told of the browser and an RP ID, and never of an origin"):
        told = {(view["site"]["rp_id"], view["site"]["origin"], view["caller"]["door"]) for view in door.views() if view["site"]}
        equal(told, {("localhost", None, "hid")}, "what was told")


main(sys.argv[1])
