"""The recovery code in the window: its fields over views that no broker made, and the whole way back in with a real broker and hello."""

import base64
import json
import os
import pty
import re
import unittest

import bed
import views
from bed import until

PIN, NEW = "493817", "other-77"
SITE = "example.com"
CODE = "000G-40R4-0M30-E209-185G-R38E-1WYR"


def setUpModule():
    global desktop, eyes, portal
    desktop = bed.Desktop(size="900x1000", broker="claviger broker --allow-scripted-prompt")
    os.environ.update(desktop.env)
    from eyes import Eyes
    from portal import Portal

    eyes, portal = Eyes(), Portal()


def tearDownModule():
    desktop.stop()


def number(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def press(name):
    """Presses a button that is there and can be pressed."""
    until(lambda: eyes.find("push button", name).is_("sensitive"), name)
    eyes.find("push button", name).press()


def gone(words):
    until(lambda: not eyes.has(words), lambda: f"{words} is gone: {eyes.everything()}")


def focused(name):
    until(lambda: [seen for seen in eyes.everything() if seen.is_("focused") and seen.name == name], lambda: f"the focus of {name}: {eyes.everything()}")


def open_form(button):
    press(button)
    focused("Recovery code")


def type_code(code, new, again=None):
    """From the code's field on, by keyboard."""
    desktop.type(code)
    desktop.keys("Return")
    focused("New PIN")
    desktop.type(new)
    desktop.keys("Return")
    focused("The same PIN again")
    desktop.type(again or new)
    until(lambda: eyes.find("push button", "Set PIN").is_("sensitive"), "the guard is open")
    desktop.keys("Return")


class Fields(unittest.TestCase):
    def setUp(self):
        self.shown = bed.Shown(desktop)
        self.addCleanup(self.shown.end)

    def settled(self, button="Sign in"):
        until(lambda: eyes.find("push button", button).is_("sensitive"), f"{button} can be pressed")

    def test_each_group_is_checked_while_it_is_typed(self):
        self.shown.view(views.KINDS["locked-out"])
        open_form("Use the recovery code")
        desktop.type("000g-40U")
        eyes.find("label", "Group 2 has a character")
        desktop.keys("ctrl+a")
        desktop.type("000g40r4 0m30")
        eyes.find("label", "3 groups of seven are typed")
        desktop.type("e299185gr38e1wyr")
        eyes.find("label", "Look at group 4")
        desktop.picture("light-recovery-slip")
        # It stays typed, and nothing was sent.
        desktop.keys("Return", "Return", "Return")
        self.assertEqual(self.shown.answers(), [])

    def test_code_and_pin_are_sent_in_the_light_and_in_the_dark(self):
        self.shown.view(views.KINDS["forgotten"])
        open_form("I forgot my PIN")
        desktop.type(CODE)
        eyes.find("label", "All seven groups fit together")
        desktop.keys("Return")
        focused("New PIN")
        desktop.type("1234")
        eyes.find("label", "This PIN is a sequence")
        desktop.picture("light-recovery")
        portal.turn(dark=True)
        self.addCleanup(portal.turn, dark=False)
        desktop.keys("Return")
        focused("The same PIN again")
        desktop.picture("dark-recovery")
        desktop.type("1234")
        self.settled("Set PIN")
        desktop.keys("Return")
        eyes.find("alert", "This PIN is a sequence")
        self.assertEqual(self.shown.answers(), [], "what hello would refuse costs no code")
        for _ in range(2):
            desktop.keys("ctrl+a")
            desktop.type(NEW)
            desktop.keys("Return")
        answer = self.shown.answer()
        self.assertEqual((answer["action"], answer["code"], answer["pin"]), ({"action": "recover"}, True, True))
        # hello says no: the fields stay, empty, and it is said why.
        self.shown.view({**views.KINDS["forgotten"], "revision": 2, "problem": {"code": "wrong-recovery-code", "text": {"code": "wrong-recovery-code"}}})
        eyes.find("alert", "not your recovery code")
        focused("Recovery code")
        type_code(CODE, NEW)
        self.assertEqual(self.shown.answer()["revision"], 2)
        # And now yes: what was asked is there again.
        self.shown.view({**views.KINDS["forgotten"], "revision": 3, "problem": {"code": "new-pin-set", "text": {"code": "new-pin-set"}}})
        eyes.find("alert", "The new PIN is set")
        gone("Set a new PIN with your recovery code")
        focused("PIN")

    def test_escape_goes_back_to_the_question_as_it_was(self):
        self.shown.view(views.consent(methods=[views.PIN], recovery=True))
        self.settled()
        desktop.keys("shift+Tab", "Down")

        def second():
            return any(seen.role == "list item" and "bob" in seen.name and seen.is_("selected") for seen in eyes.everything())

        until(lambda: second() or desktop.keys("shift+Tab", "Down"), "the second account")
        open_form("I forgot my PIN")
        desktop.type(CODE)
        desktop.keys("Escape")
        gone("Set a new PIN with your recovery code")
        self.assertEqual(self.shown.answers(), [])
        self.assertTrue(second(), "what was chosen")
        # What was typed is not there any more.
        open_form("I forgot my PIN")
        until(lambda: eyes.find("password text", "Recovery code").length() == 0, "an empty field")
        desktop.keys("Escape")
        gone("Set a new PIN with your recovery code")
        desktop.keys("Escape")
        self.assertEqual(self.shown.answer()["action"]["action"], "refuse")

    def test_the_code_is_nowhere_to_be_read(self):
        self.shown.view(views.KINDS["forgotten"])
        open_form("I forgot my PIN")
        eyes.listen().clear()
        desktop.type(CODE)
        field = eyes.find("password text", "Recovery code")
        until(lambda: field.length() == len(CODE), "a bullet for each character")
        everywhere = [field.text(), *(part for seen in eyes.everything() for part in (seen.name, seen.text() or ""))]
        everywhere += [part for event in eyes.listen() for part in event]
        groups = CODE.split("-")
        self.assertFalse([said for said in everywhere if any(group in said for group in groups)])
        desktop.keys("ctrl+a", "ctrl+c", "ctrl+x")
        for selection in ("CLIPBOARD", "PRIMARY"):
            said = desktop.output("timeout", "2", "xclip", "-o", "-selection", selection)
            self.assertFalse([group for group in groups if group in said])

    def test_a_click_in_the_first_moment_opens_no_fields_and_nothing_typed_before_is_a_code(self):
        typing = desktop.start(["xdotool", "type", "--delay", "30", CODE])
        self.shown.view(views.KINDS["forgotten"])
        typing.wait()
        self.settled()
        open_form("I forgot my PIN")
        self.assertEqual(eyes.find("password text", "Recovery code").length(), 0)

    def test_a_quiet_line_says_that_there_is_no_code(self):
        self.shown.view(views.KINDS["no-code"])
        self.settled()
        seen = [it.name for it in eyes.everything() if it.role == "label"]
        (note,) = [at for at, name in enumerate(seen) if "A forgotten PIN loses your passkeys" in name]
        self.assertGreater(note, next(at for at, name in enumerate(seen) if "attempts left" in name))
        self.assertFalse(eyes.has("I forgot my PIN"))


def script(pin):
    """A prompt that answers from a script, in place of a person, until it is ended."""
    file = desktop.dir / "script.json"
    file.write_text(json.dumps([{"when": {}, "do": {"approve": True, "pin": pin}}]))
    file.chmod(0o600)
    prompt = desktop.start([bed.PROGRAMS / "claviger", "prompt", "--script", file])
    until(lambda: json.loads(desktop.claviger("status", "--json") or "{}").get("prompt", {}).get("attached"), desktop.log)
    return prompt


def make_code():
    """Makes a recovery code in a terminal, and types its ends back."""
    ours, theirs = pty.openpty()
    making = desktop.start([bed.PROGRAMS / "claviger", "verify", "recovery-code"], stdin=theirs, stdout=theirs)
    os.close(theirs)
    seen = b""
    while b"last group:" not in seen:
        seen += os.read(ours, 4096)
    code = re.search(rb"\w{4}(-\w{4}){6}", seen).group().decode()
    os.write(ours, f"{code[:4]} {code[-4:]}\n".encode())
    try:
        while os.read(ours, 4096):
            pass
    except OSError:
        pass  # It has ended.
    os.close(ours)
    assert making.wait() == 0
    return code


class Story(unittest.TestCase):
    def test_a_forgotten_pin_is_replaced_in_the_window_and_signs_in(self):
        prompt = script(PIN)
        desktop.claviger("setup")
        create = bed.Page(desktop, "create", SITE, {
            "rp": {"id": SITE, "name": "Example"}, "user": {"id": number("alice"), "name": "alice@example.com", "displayName": "Alice"},
            "challenge": number("a challenge of the site"), "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
            "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}})
        self.addCleanup(create.close)
        self.assertEqual(create.answer()["ok"]["type"], "public-key")
        code = make_code()
        prompt.terminate()
        prompt.wait()

        bus = desktop.start(["dbus-monitor", "--session"], stdout=(desktop.dir / "bus.log").open("wb"))
        get = bed.Page(desktop, "get", SITE, {"rpId": SITE, "challenge": number("another challenge"), "userVerification": "required"})
        self.addCleanup(get.close)
        open_form("I forgot my PIN")
        type_code("0" * 28, NEW)
        eyes.find("alert", "not your recovery code")
        # hello takes one in two seconds.
        until(lambda: self.takes(code), "the right code is taken")
        desktop.type(NEW)
        until(lambda: eyes.find("push button", "Sign in").is_("sensitive"), "the guard is open")
        desktop.keys("Return")
        answer = get.answer()
        self.assertTrue(answer["ok"]["response"]["signature"], answer)
        self.assertIn("a new PIN was set with the recovery code", desktop.claviger("audit", "--json"))
        bus.terminate()
        bus.wait()
        said = (desktop.dir / "bus.log").read_bytes() + (desktop.dir / "log").read_bytes()
        for secret in (code, code.replace("-", ""), NEW):
            self.assertNotIn(secret.encode(), said, "it crossed no bus and stands in no log")

    def takes(self, code):
        focused("Recovery code")
        type_code(code.lower(), NEW)
        return until(lambda: eyes.has("The new PIN is set") or eyes.has("before the next one"), lambda: eyes.everything()) and eyes.has("The new PIN is set")


if __name__ == "__main__":
    unittest.main(verbosity=2)
