"""The whole path: a page asks, the broker has the bus start the window, a person answers it, hello and the vault do their part."""

import base64
import json
import os
import subprocess
import threading
import time
import unittest

import bed
from bed import until

PIN = "493817"
SITE = "example.com"


def setUpModule():
    global desktop, eyes
    desktop = bed.Desktop()
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()


def number(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def prompts():
    """The processes of the window."""
    said = subprocess.run(["pgrep", "-x", "-f", str(bed.PROGRAMS / "claviger-prompt")], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in said.split() if own(int(pid))]


def own(pid):
    try:
        return str(desktop.dir) in open(f"/proc/{pid}/environ").read()
    except OSError:
        return False


def ready(button):
    until(lambda: [seen for seen in eyes.everything() if seen.role == "push button" and seen.name == button and seen.is_("sensitive")], lambda: f"{button}: {eyes.everything()} {desktop.log()}")


class Story(unittest.TestCase):
    def test_a_page_creates_and_signs_in_by_keyboard(self):
        bus = desktop.start(["dbus-monitor", "--session"], stdout=(desktop.dir / "bus.log").open("wb"))
        create = bed.Page(desktop, "create", SITE, {
            "rp": {"id": SITE, "name": "Example"}, "user": {"id": number("alice"), "name": "alice@example.com", "displayName": "Alice"},
            "challenge": number("a challenge of the site"), "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
            "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}})
        self.addCleanup(create.close)
        # There is no PIN yet.
        ready("Set PIN")
        desktop.type(PIN)
        desktop.keys("Return")
        eyes.find("password text", "The same PIN again")
        desktop.type(PIN)
        desktop.keys("Return")
        ready("Create passkey")
        desktop.type(PIN)
        desktop.keys("Return")
        answer = create.answer()
        self.assertEqual(answer["ok"]["type"], "public-key", answer)
        until(lambda: not eyes.has("Create a passkey"), "the window has gone")

        get = bed.Page(desktop, "get", SITE, {"rpId": SITE, "challenge": number("another challenge"), "userVerification": "required"})
        self.addCleanup(get.close)
        ready("Sign in")
        eyes.find("label", "alice@example.com")
        desktop.type("493818")
        desktop.keys("Return")
        eyes.find("alert", "PIN is wrong")
        ready("Sign in")
        desktop.type(PIN)
        desktop.keys("Return")
        answer = get.answer()
        self.assertTrue(answer["ok"]["response"]["signature"], answer)

        entries = json.loads(desktop.claviger("audit", "--json"))["entries"]
        attached = [entry for entry in entries if "graphical" in json.dumps(entry)]
        self.assertTrue(attached, entries)
        bus.terminate()
        bus.wait()
        said = (desktop.dir / "bus.log").read_bytes() + (desktop.dir / "log").read_bytes()
        self.assertNotIn(PIN.encode(), said, "the PIN crossed no bus and stands in no log")

        # One process of it, confined: no new program, no socket but Unix ones.
        (pid,) = prompts()
        status = open(f"/proc/{pid}/status").read()
        self.assertIn("Seccomp:\t2", status)
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertNotIn("_dri.so", open(f"/proc/{pid}/maps").read())
        began = time.monotonic()
        until(lambda: not prompts(), "the process ends when it is idle", 60)
        print(f"(ended after {time.monotonic() - began:.0f} s)", end=" ", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
