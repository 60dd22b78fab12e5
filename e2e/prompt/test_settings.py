"""The settings window over a real broker: a person chooses a PIN, looks after passkeys and providers, and reads what happened."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import bed
from bed import until

PIN = "493817"
ACCOUNTS = [("shop.example.com", "alice@example.com"), ("mail.example.org", "alice@example.org"), ("mail.example.org", "bob@example.org")]
PAGES = ["passkeys", "providers", "verification", "ways-in", "activity", "about"]
NAMES = ["Passkeys", "Providers", "Verification", "Ways in", "Activity", "About"]
GERMAN = ["Passkeys", "Anbieter", "Bestätigung", "Zugänge", "Verlauf", "Über Claviger"]
# What can be pressed, typed into or chosen, by its role in GTK's words for screen readers.
CONTROLS = {"push button", "toggle button", "check box", "combo box", "text", "entry", "switch", "list item"}


def setUpModule():
    global desktop, eyes
    desktop = bed.Desktop(size="1000x800", broker="claviger broker --allow-scripted-prompt")
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()


class Settings:
    """A running window."""

    def __init__(self, *arguments, **variables):
        kept = dict(desktop.env)
        desktop.env.update(variables)
        self.process = desktop.start(["env", "GSK_RENDERER=cairo", bed.PROGRAMS / "claviger-settings", *arguments])
        desktop.env.clear()
        desktop.env.update(kept)

    def end(self):
        self.process.terminate()
        self.process.wait()
        until(lambda: not eyes.everything(), "the window is gone")


def script(rules):
    """A prompt that answers from a script, in place of a person."""
    file = desktop.dir / "script.json"
    file.write_text(json.dumps(rules))
    file.chmod(0o600)
    prompt = desktop.start([bed.PROGRAMS / "claviger", "prompt", "--script", file])
    until(lambda: json.loads(desktop.claviger("status", "--json") or "{}").get("prompt", {}).get("attached"), desktop.log)
    return prompt


def number(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def create(site, account):
    page = bed.Page(desktop, "create", site, {
        "rp": {"id": site, "name": site}, "user": {"id": number(account), "name": account, "displayName": account},
        "challenge": number("a challenge of the site"), "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}})
    answer = page.answer()
    page.close()
    assert "error" not in answer, answer


def find(role, name):
    """The last object of this role whose name holds these words: a dialog comes behind its window."""
    def look():
        return next((seen for seen in reversed(eyes.everything()) if seen.role == role and name in seen.name), None)

    return until(look, lambda: f"{role} {name!r} among {[seen for seen in eyes.everything() if seen.name]}")


def press(name, role="push button"):
    """Presses what can be pressed."""
    until(lambda: find(role, name).is_("sensitive"), name)
    find(role, name).press()


def tab_to(role, name):
    """Presses Tab until this has the focus."""
    for _ in range(20):
        if any(seen.is_("focused") and seen.role == role and seen.name.startswith(name) for seen in eyes.everything()):
            return
        desktop.keys("Tab")
    raise AssertionError(f"Tab never comes to {name}")


def type_into(name, text):
    """Types into this field, once it has the keyboard, and agrees."""
    until(lambda: [seen for seen in eyes.everything() if seen.role == "text" and name in seen.name and seen.is_("focused")], lambda: f"the focus of {name}: {[seen for seen in eyes.everything() if seen.is_('focused')]}")
    desktop.keys("ctrl+a")
    desktop.type(text)
    desktop.keys("Return")


def passkeys():
    return json.loads(desktop.claviger("passkey", "list", "--json"))


def gone(words):
    until(lambda: not eyes.has(words), lambda: f"{words} is gone: {[seen for seen in eyes.everything() if seen.name]}")


class First(unittest.TestCase):
    """What has to come first: the others show what it leaves."""

    def test_a_person_begins_and_looks_after_passkeys_and_providers(self):
        script([{"when": {}, "do": {"approve": True, "pin": PIN}}])
        settings = Settings()
        self.addCleanup(settings.end)
        self.first_steps()
        for site, account in ACCOUNTS:
            create(site, account)
        self.lists_and_searches()
        self.renames()
        self.deletes()
        self.hides_and_offers_again()
        self.turns_a_provider_off_and_on()
        self.rules()
        self.changes_the_pin()

    def first_steps(self):
        find("label", "No PIN is chosen yet")
        desktop.picture("settings-first-1")
        press("Choose a PIN")
        find("label", "A PIN is chosen")
        press("Next")
        find("label", "Your browsers")
        desktop.picture("settings-first-2")
        press("Next")
        find("label", "Not yet")
        desktop.picture("settings-first-3")
        press("Done")
        gone("How you get back in")

    def lists_and_searches(self):
        press("Look again")
        for _, account in ACCOUNTS:
            find("list item", account)
        desktop.keys("ctrl+f")
        desktop.type("shop")
        gone("bob@example.org")
        find("list item", "alice@example.com")
        desktop.keys("BackSpace", "BackSpace", "BackSpace", "BackSpace")
        desktop.type("bob")
        gone("alice@example.com")

    def renames(self):
        self.open_the_one_found()
        desktop.picture("settings-details")
        press("Rename … bob")
        type_into("Name", "bob at home")
        until(lambda: "bob at home" in [passkey["user_name"] for passkey in passkeys()], lambda: f"the name {passkeys()}")
        find("list item", "bob at home")

    def deletes(self):
        self.open_the_one_found()
        press("Delete … bob")
        find("label", "It is gone for good")
        desktop.picture("settings-delete")
        # Enter alone does not take anything away.
        desktop.keys("Return")
        gone("It is gone for good")
        self.assertEqual(len(passkeys()), 3)
        self.open_the_one_found()
        press("Delete … bob")
        find("label", "It is gone for good")
        tab_to("push button", "Delete")
        desktop.keys("Return")
        until(lambda: len(passkeys()) == 2, lambda: f"deleted: {passkeys()}")
        gone("bob at home")
        # The dialog that closes may still have the keyboard.
        until(self.clears_the_search, lambda: f"the list without a search: {eyes.everything()}")

    def clears_the_search(self):
        desktop.keys("ctrl+f")
        desktop.keys("ctrl+a", "BackSpace")
        return any(seen.role == "list item" and "alice@example.org" in seen.name for seen in eyes.everything())

    def open_the_one_found(self):
        """The search has the focus, and behind it come order, groups and the list."""
        find("list item", "bob")
        desktop.keys("ctrl+f")
        desktop.keys("Tab", "Tab", "Tab", "Return")
        find("label", "Another name for the account")

    def turns_a_provider_off_and_on(self):
        def state():
            return json.loads(desktop.claviger("provider", "list", "--json"))[0]["state"]

        self.go_to("Providers")
        # What this test runs was built here.
        find("label", "Not from a package")
        for word, told in [("disabled", "do not see it"), ("enabled", "may use what it keeps")]:
            find("check box", "Takes part").press()
            until(lambda word=word: state() == word, lambda: f"the state {state()}")
            find("label", told)

    def rules(self):
        press("Add a rule")
        type_into("Site, such as", "example.com")
        press("Remove example.com")
        find("label", "No rule for example.com any more")

    def hides_and_offers_again(self):
        desktop.keys("ctrl+f")
        desktop.keys("Tab", "Tab", "Tab", "Return")
        press("Hide alice@example.org")
        find("list item", "hidden")
        self.assertEqual([passkey["hidden"] for passkey in passkeys()], [True, False])
        desktop.keys("ctrl+f")
        desktop.keys("Tab", "Tab", "Tab", "Return")
        press("Offer it again alice@example.org")
        until(lambda: not any(passkey["hidden"] for passkey in passkeys()), "offered again")

    def changes_the_pin(self):
        self.go_to("Verification", "Providers")
        press("Change the PIN")
        find("label", "Backups from before still open with the old one")
        self.assertIn("change the PIN", desktop.claviger("audit", "--last", "5"))

    def go_to(self, name, after="Passkeys"):
        """By keyboard: the arrows choose among the pages."""
        tab_to("list item", after)
        desktop.keys("Down", "Return")
        until(lambda: any(seen.is_("selected") and seen.name == name for seen in eyes.everything()), name)


class Order(unittest.TestCase):
    VAULT, NOTEBOOK = "org.claviger.Vault", "org.example.Notebook"

    def test_a_provider_is_moved_and_the_broker_offers_them_so(self):
        manifest = bed.ROOT / "crates/provider/examples/org.example.Notebook.provider"
        installed = pathlib.Path(shutil.copy(manifest, desktop.dir / "data/claviger/providers"))
        self.addCleanup(lambda: until(lambda: self.order() == [self.VAULT], lambda: f"the order {self.order()}"))
        self.addCleanup(installed.unlink)
        until(lambda: len(self.order()) == 2, lambda: f"the order {self.order()}")
        before = self.order()
        settings = Settings("providers")
        self.addCleanup(settings.end)
        vault = next(provider["name"] for provider in self.providers() if provider["id"] == self.VAULT)
        there, back = ("Offer later", "Offer earlier") if before[0] == self.VAULT else ("Offer earlier", "Offer later")
        for label, order in [(there, before[::-1]), (back, before)]:
            press(f"{label} {vault}")
            until(lambda order=order: self.order() == order, lambda: f"the order {self.order()}")
            find("label", "Providers are offered in this order from now on")
        self.assertEqual(desktop.claviger("audit", "--last", "5").count("order of the providers"), 2)

    @staticmethod
    def providers():
        return json.loads(desktop.claviger("provider", "list", "--json") or "[]")

    def order(self):
        return [provider["id"] for provider in self.providers()]


class Pages(unittest.TestCase):
    def each(self, look, pages, **variables):
        """Goes from page to page by keyboard, as they stand at the side."""
        settings = Settings(PAGES[0], **variables)
        self.addCleanup(settings.end)
        find("list item", pages[0])
        tab_to("list item", pages[0])
        for page, name in zip(PAGES, pages, strict=True):
            with self.subTest(page=page):
                until(lambda name=name: any(seen.is_("selected") and seen.name == name for seen in eyes.everything()), name)
                self.named(page)
                desktop.picture(f"settings-{look}-{page}")
            desktop.keys("Down")

    def named(self, page):
        controls = [seen for seen in eyes.everything() if seen.role in CONTROLS]
        self.assertTrue(controls, page)
        self.assertEqual([seen for seen in controls if not seen.name and seen.role != "text"], [], page)

    def test_light(self):
        self.each("light", NAMES)

    def test_dark(self):
        self.each("dark", NAMES, ADW_DEBUG_COLOR_SCHEME="prefer-dark")

    def test_every_page_fits_into_360_pixels(self):
        settings = Settings(PAGES[0])
        self.addCleanup(settings.end)
        find("list item", NAMES[0])
        until(lambda: desktop.geometry().get("WIDTH", 0) > 360, "the window is in front")
        desktop.output("xdotool", "getactivewindow", "windowsize", "360", "640")
        until(lambda: desktop.geometry()["WIDTH"] == 360, "the window can be that narrow")
        for before, page, name in zip([None, *NAMES], PAGES, NAMES):
            with self.subTest(page=page):
                if before:
                    press("Back")
                    until(lambda before=before: any(seen.is_("focused") and seen.name == before for seen in eyes.everything()), f"the focus of {before}")
                    desktop.keys("Down", "Return")
                find("push button", "Back")
                until(lambda name=name: any(seen.role == "label" and seen.name == name for seen in eyes.everything()), name)
                self.assertEqual(desktop.geometry()["WIDTH"], 360)
                desktop.picture(f"settings-narrow-{page}")

    def test_other_looks(self):
        for look, dpi, width, variables in [
            ("contrast", 96, None, {"ADW_DEBUG_HIGH_CONTRAST": "1"}),
            ("large", 192, None, {}),
            ("large-german", 192, None, {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"}),
            # GTK takes the direction of writing from its own words.
            ("rtl", 96, None, {"LANGUAGE": "ar"}),
        ]:
            with self.subTest(look=look):
                self.looks(look, dpi, width, variables)

    def looks(self, look, dpi, width, variables):
        """One window, which each further start turns to the next page."""
        def resources(dpi):
            desktop.output("xprop", "-root", "-format", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", f"Xft.dpi:\t{dpi}\n")

        resources(dpi)
        self.addCleanup(resources, 96)
        settings = Settings(PAGES[0], **variables)
        try:
            find("list item", "alice@example.com")
            until(lambda: desktop.geometry().get("WIDTH", 0) > 300, "the window is in front")
            if width:
                desktop.output("xdotool", "getactivewindow", "windowsize", str(width), "640")
                until(lambda: desktop.geometry()["WIDTH"] == width, "the window can be that narrow")
            names = GERMAN if "german" in look else NAMES
            for page, name in zip(PAGES, names, strict=True):
                Started.run_with(page)
                until(lambda name=name: any(seen.role == "label" and seen.name == name for seen in eyes.everything()), name)
                size = desktop.geometry()
                self.assertLessEqual(size["WIDTH"], width or 1000, f"{page} is too wide")
                self.assertLessEqual(size["HEIGHT"], 800, f"{page} is too high")
                desktop.picture(f"settings-{look}-{page}")
        finally:
            settings.end()

    def test_german(self):
        self.each("german", GERMAN, LANG="de_DE.UTF-8", LC_ALL="de_DE.UTF-8")


class WaysIn(unittest.TestCase):
    def test_the_security_key_is_switched_off_and_on_and_shown_as_it_is(self):
        door = desktop.start([bed.PROGRAMS / "claviger", "hid-door", "--transport", f"unix:{desktop.dir / 'key'}"])
        self.addCleanup(door.wait)
        self.addCleanup(door.terminate)
        until(lambda: self.door().get("state") == "listening", lambda: f"the door: {self.door()} {desktop.log()}")
        settings = Settings("ways-in")
        self.addCleanup(settings.end)
        find("label", "Listens at a socket")
        find("label", "the program names the site")
        for on, state, told in [(False, "off", "programs see no security key"), (True, "listening", "Listens at a socket")]:
            find("check box", "Security key").press()
            until(lambda state=state: self.door().get("state") == state, lambda: f"the door: {self.door()}")
            self.assertEqual(self.door()["enabled"], on)
            find("label", told)
            until(lambda on=on: find("check box", "Security key").is_("checked") == on, "the switch stands as the door does")
        desktop.picture("settings-security-key")
        log = desktop.claviger("audit", "--last", "5")
        self.assertIn("turn off the security-key door", log)
        self.assertIn("turn on the security-key door", log)
        # Without its process the key is not there, and the page sees that by itself.
        door.terminate()
        find("label", "The security key does not run")
        find("label", "claviger setup --system" if not self.helper_is_installed() else "systemctl --user start")

    def test_a_browser_that_does_not_find_claviger_is_set_up_by_one_button(self):
        data = desktop.dir / "data"
        entry, program = data / "applications/brave-browser.desktop", data / "claviger/claviger-native-host"
        entry.parent.mkdir(exist_ok=True)
        entry.write_text("[Desktop Entry]\nType=Application\nName=Brave\nExec=brave\n")
        program.symlink_to(bed.PROGRAMS / "claviger")
        manifest = desktop.dir / "config/BraveSoftware/Brave-Browser/NativeMessagingHosts/org.claviger.browser.json"
        for put in [entry, program, manifest]:
            self.addCleanup(put.unlink)
        settings = Settings("ways-in")
        self.addCleanup(settings.end)
        # Those of a list: the tests themselves.
        find("label", "Programs allowed to name a site")
        find("label", os.path.realpath("/proc/self/exe"))
        press("Set up Brave")
        find("label", "The browser finds Claviger from its next start on")
        gone("Set up Brave")
        find("label", "The browser finds Claviger.")
        self.assertEqual(json.loads(manifest.read_text())["path"], str(program))

    @staticmethod
    def door():
        doors = json.loads(desktop.claviger("door", "list", "--json") or "[]")
        return next((door for door in doors if door["door"] == "hid"), {})

    @staticmethod
    def helper_is_installed():
        return any(pathlib.Path(base, "systemd/system/claviger-hid.socket").exists() for base in ["/etc", "/usr/local/lib", "/usr/lib", "/lib"])


class Started(unittest.TestCase):
    @staticmethod
    def run_with(*arguments):
        return subprocess.run([bed.PROGRAMS / "claviger-settings", *arguments], env=desktop.env, capture_output=True, text=True, check=False, timeout=30)

    def test_a_page_that_there_is_not_is_an_error_and_help_names_those_that_there_are(self):
        wrong = self.run_with("passkey")
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
        helped = self.run_with("--help")
        self.assertEqual((helped.returncode, helped.stderr), (0, ""))
        for page in PAGES:
            self.assertIn(page, wrong.stderr)
            self.assertIn(page, helped.stdout)
        self.assertRegex(self.run_with("--version").stdout, r"^claviger-settings \d+\.\d+\.\d+\n$")

    def test_it_is_confined_and_loads_no_other_code(self):
        settings = Settings(GTK_DEBUG="interactive", GTK_MODULES="other")
        self.addCleanup(settings.end)
        find("list item", "alice@example.com")
        status = (pathlib.Path("/proc") / str(settings.process.pid) / "status").read_text()
        # A filter of system calls, which no program that it might start could get rid of.
        self.assertRegex(status, r"(?m)^Seccomp:\s2$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s1$")
        environment = (pathlib.Path("/proc") / str(settings.process.pid) / "environ").read_bytes()
        self.assertNotIn(b"GTK_DEBUG=", environment)
        self.assertNotIn(b"GTK_MODULES=", environment)
        self.assertIn(b"GDK_DISABLE=", environment)

    def test_a_second_start_shows_its_page_in_the_window_that_is_there(self):
        settings = Settings()
        self.addCleanup(settings.end)
        find("list item", "alice@example.com")
        self.assertEqual(self.run_with("about").returncode, 0)
        until(lambda: any(seen.is_("selected") and seen.name == "About" for seen in eyes.everything()), "the page")
        self.assertEqual(len([seen for seen in eyes.everything() if seen.role == "frame"]), 1)


class Unreachable(unittest.TestCase):
    def test_a_broker_that_does_not_start_is_said_with_a_way_to_try_again(self):
        service = desktop.dir / "services/org.claviger.Broker.service"
        working = service.read_text()
        self.broker_is(working.replace("claviger broker", "claviger no-such-role"))
        os.kill(json.loads(desktop.claviger("status", "--json"))["pid"], 15)
        settings = Settings()
        self.addCleanup(settings.end)
        find("label", "Claviger does not answer")
        desktop.picture("settings-unreachable")
        self.broker_is(working)
        press("Try again")
        find("list item", "alice@example.com")

    def broker_is(self, text):
        (desktop.dir / "services/org.claviger.Broker.service").write_text(text)
        desktop.output("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ReloadConfig")


if __name__ == "__main__":
    unittest.main(verbosity=2)
