"""The window over views that no broker made, with a keyboard and with a screen reader's eyes."""

import os
import subprocess
import time
import unittest

import bed
import views
from bed import until

PIN = "493817"


def setUpModule():
    global desktop, eyes, Eyes
    desktop = bed.Desktop()
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()


class Case(unittest.TestCase):
    def setUp(self):
        self.shown = bed.Shown(desktop)
        self.addCleanup(self.shown.end)

    def show(self, view):
        self.shown.view(view)

    def settled(self, button="Sign in"):
        """When the guard is open: the button that agrees can be pressed."""
        return until(lambda: next((seen for seen in [eyes.find("push button", button)] if seen.is_("sensitive")), None), f"{button} can be pressed")

    def rows(self):
        return [seen for seen in eyes.everything() if seen.role == "list item" and "user" in seen.name]

    def go_to(self, name):
        """Presses Tab until this has the focus."""
        for _ in range(20):
            time.sleep(0.1)
            if any(seen.is_("focused") and name in seen.name for seen in eyes.everything()):
                return
            desktop.keys("Tab")
        self.fail(f"Tab never comes to {name}: {eyes.everything()}")


class Asking(Case):
    def test_the_pin_and_enter_sign_in(self):
        self.show(views.sign_in())
        self.settled()
        desktop.type(PIN)
        desktop.keys("Return")
        answer = self.shown.answer()
        self.assertEqual(answer, {"prompt": 1, "revision": 1, "code": False, "pin": True, "action": {"action": "approve", "choice": "c1", "remember": False}})
        eyes.find("push button", "One moment")

    def test_escape_refuses_and_so_does_closing(self):
        self.show(views.sign_in())
        self.settled()
        desktop.keys("Escape")
        self.assertEqual(self.shown.answer()["action"], {"action": "refuse", "for_a_while": False})
        eyes.find("push button", "Not for an hour").press()
        self.assertEqual(self.shown.answer()["action"], {"action": "refuse", "for_a_while": True})

    def test_enter_alone_agrees_to_nothing(self):
        self.show(views.consent())
        self.settled()
        for _ in range(3):
            desktop.keys("Return")
        time.sleep(0.3)
        self.assertEqual(self.shown.answers(), [])
        # After a deliberate move it is an answer to what was moved to.
        desktop.keys("Down", "Return")
        self.assertEqual(self.shown.answer()["action"], {"action": "approve", "choice": "c2", "remember": False})

    def test_what_is_typed_into_another_window_goes_nowhere(self):
        typing = desktop.start(["xdotool", "type", "--delay", "50", "4938174938174938174938174938174938174938\n"])
        self.show(views.sign_in())
        typing.wait()
        self.settled()
        eyes.find("password text", "PIN")
        self.assertEqual(self.shown.answers(), [])
        # Nothing of it is in the field either: this PIN alone is too short. Before one counts the keys have to rest for a while.
        time.sleep(0.5)
        desktop.type("123")
        desktop.keys("Return")
        eyes.find("alert", "4 to 127")
        self.assertEqual(self.shown.answers(), [])

    def test_a_question_that_changes_takes_no_approval_at_once(self):
        self.show(views.consent())
        self.settled()
        desktop.keys("Down")
        left, top, width, height = eyes.find("push button", "Sign in").extents("screen")
        corner = desktop.geometry()
        desktop.output("xdotool", "mousemove", str(corner["X"] + left + width // 2), str(corner["Y"] + top + height // 2))
        # Under the pointer that is about to press it, there is always another question.
        for prompt in range(2, 12):
            self.show(views.consent(prompt))
            desktop.output("xdotool", "click", "1")
        # The first press may still have met the first question, which had been there for long enough.
        self.assertLessEqual({answer["prompt"] for answer in self.shown.answers()}, {1})
        self.shown.told.clear()
        self.settled()
        # GTK 4.8 loses the first click on a button that wakes up under a pointer at rest.
        until(lambda: desktop.output("xdotool", "click", "1") or self.shown.answers(), "the click counts")
        self.assertEqual(self.shown.answer()["prompt"], 11)

    def test_the_waiting_counts_down_and_the_field_opens(self):
        self.show(views.sign_in(methods=[{**views.PIN, "wait_ms": 2500}]))
        eyes.find("label", "Wait 2 seconds")
        eyes.find("label", "Wait one second")
        eyes.find("label", "8 attempts left")
        self.settled()

    def test_a_new_pin_is_typed_twice_and_the_same(self):
        self.show(views.KINDS["choose-pin"])
        self.settled("Set PIN")
        desktop.type("1234")
        eyes.find("label", "This PIN is a sequence")
        desktop.keys("ctrl+a")
        desktop.type("493817")
        eyes.find("label", "At least 1 000 000 guesses")
        desktop.picture("choose-pin-worth")
        desktop.keys("ctrl+a")
        desktop.type(PIN)
        desktop.keys("Return")
        desktop.type("493818")
        desktop.keys("Return")
        eyes.find("alert", "two different PINs")
        desktop.keys("Tab", "BackSpace")
        desktop.type(PIN)
        desktop.keys("Return")
        self.assertTrue(self.shown.answer()["pin"])

    def test_five_hundred_accounts_are_searched(self):
        self.show(views.KINDS["many"])
        self.settled()
        self.assertLess(len(self.rows()), 250, "only what is in sight has widgets")
        self.go_to("Search")
        desktop.type("user321")
        until(lambda: len(self.rows()) == 1, "one is left")
        # It is not chosen by itself.
        self.go_to("PIN")
        desktop.type(PIN)
        desktop.keys("Return")
        eyes.find("alert", "Choose one")
        self.go_to("user321")
        desktop.keys("space")
        self.go_to("PIN")
        desktop.keys("End")
        desktop.keys("Return")
        self.assertEqual(self.shown.answer()["action"]["choice"], "c321")

    def test_another_request_waits_and_is_said(self):
        self.show(views.sign_in())
        self.settled()
        desktop.type("4938")
        self.show({**views.sign_in(waiting=1), "revision": 2})
        eyes.find("label", "One more request is waiting")
        # Whoever waits does not disturb what is typed.
        desktop.type("17")
        desktop.keys("Return")
        self.assertEqual((self.shown.answer()["revision"], self.shown.answers()), (2, []))

    def test_the_window_goes_and_comes(self):
        self.show(views.sign_in())
        self.settled()
        self.show(views.idle())
        until(lambda: not eyes.everything() or not eyes.has("Sign in"), "the window is gone")
        self.show(views.sign_in(2))
        self.settled()


class Confined(unittest.TestCase):
    def test_of_the_home_nothing_is_read_but_looks_and_no_program_is_started(self):
        files = {name: desktop.dir / name for name in ("home/letter", "data/claviger/vault", "config/gtk-4.0/gtk.css", "data/fonts/f.ttf")}
        for file in files.values():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
        self.addCleanup(files["config/gtk-4.0/gtk.css"].unlink)
        tried = {files["home/letter"]: "refused", files["data/claviger/vault"]: "refused", files["config/gtk-4.0/gtk.css"]: "done", files["data/fonts/f.ttf"]: "done",
                 "/etc/passwd": "done", "--run /bin/true": "refused", f"--write {desktop.dir / 'home/new'}": "refused", f"--write {files['data/fonts/f.ttf']}": "refused"}
        said = desktop.output(bed.PROGRAMS / "examples/confined", *(word for what in tried for word in str(what).split(" ")))
        self.assertEqual(dict(zip(tried, said.split())), tried)


class Motion(unittest.TestCase):
    def test_nothing_moves_where_the_desktop_was_told_so(self):
        keys = desktop.dir / "config/glib-2.0/settings"
        keys.mkdir(parents=True)
        for said in ("true", "false"):
            (keys / "keyfile").write_text(f"[org/gnome/desktop/interface]\nenable-animations={said}\n")
            self.assertEqual(desktop.output("env", "GSETTINGS_BACKEND=keyfile", bed.PROGRAMS / "examples/motion").strip(), said)
        # GTK's own setting needs no help.
        (desktop.dir / "config/gtk-4.0").mkdir(exist_ok=True)
        (desktop.dir / "config/gtk-4.0/settings.ini").write_text("[Settings]\ngtk-enable-animations=0\n")
        self.addCleanup((desktop.dir / "config/gtk-4.0/settings.ini").unlink)
        self.assertEqual(desktop.output(bed.PROGRAMS / "examples/motion").strip(), "false")


class Eyesight(Case):
    def test_every_control_has_a_name(self):
        for name, view in views.KINDS.items():
            self.show({**view, "prompt": hash(name) % 1000 + 1})
            agree = "Close" if view["kind"] == "notice" else None
            eyes.find("push button", agree or "Cancel")
            for seen in eyes.everything():
                if seen.role in ("push button", "password text", "entry", "check box", "list item", "list"):
                    with self.subTest(screen=name, seen=seen.role):
                        self.assertTrue(seen.name.strip(), f"{seen} of {name}")

    def test_changes_are_announced(self):
        self.show(views.sign_in())
        self.settled()
        eyes.listen().clear()
        self.show({**views.KINDS["sign-in-wrong-pin"], "revision": 2})
        until(lambda: [it for it in eyes.listen() if it[1] == "alert" and "PIN is wrong" in it[2] + it[3]], lambda: eyes.heard)

    def test_the_pin_is_nowhere_to_be_read(self):
        self.show(views.sign_in())
        self.settled()
        eyes.listen().clear()
        desktop.type(PIN)
        field = eyes.find("password text", "PIN")
        until(lambda: field.length() == len(PIN), "six characters")
        everywhere = [field.text(), *(seen.name for seen in eyes.everything()), *(seen.text() or "" for seen in eyes.everything())]
        everywhere += [part for event in eyes.listen() for part in event]
        self.assertFalse([said for said in everywhere if any(digits in said for digits in (PIN, PIN[:3], PIN[3:]))])
        # Nor can it be copied.
        desktop.keys("ctrl+a", "ctrl+c", "ctrl+x")
        for selection in ("CLIPBOARD", "PRIMARY"):
            said = desktop.output("timeout", "2", "xclip", "-o", "-selection", selection)
            self.assertNotIn(PIN, said)
        desktop.keys("End", "Return")
        self.assertTrue(self.shown.answer()["pin"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
