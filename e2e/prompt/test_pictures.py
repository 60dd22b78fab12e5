"""A picture of every kind of screen, light and dark, and what a hostile name cannot do to one."""

import os
import unittest

import bed
import views
from bed import until


def setUpModule():
    global desktop, eyes
    desktop = bed.Desktop(size="900x1000")
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()


def shown_with(**variables):
    """The window with these variables in its environment."""
    kept = dict(desktop.env)
    desktop.env.update(variables)
    try:
        return bed.Shown(desktop)
    finally:
        desktop.env.clear()
        desktop.env.update(kept)


def drawn(shown, view, prompt, refuse="Cancel"):
    """Draws the view as another question and waits until it is there and may be answered."""
    shown.view({**view, "prompt": prompt, "revision": prompt})
    never = view["kind"] == "notice" or any(method["wait_ms"] for method in view["methods"])

    def there():
        buttons = [seen for seen in eyes.everything() if seen.role == "push button"]
        others = [seen for seen in buttons if seen.is_("sensitive") and seen.name not in (refuse, "Close", "Schließen")]
        # Besides the one that refuses for an hour, and the one for the recovery code.
        return len(others) > (0 if never else 1) + view.get("recovery", False)

    until(there, lambda: f"{eyes.everything()}")


class Pictures(unittest.TestCase):
    def every_kind(self, look, **variables):
        shown = shown_with(**variables)
        self.addCleanup(shown.end)
        for number, (name, view) in enumerate(views.KINDS.items(), 1):
            drawn(shown, view, number)
            size = desktop.geometry()
            with self.subTest(screen=name):
                self.assertLessEqual(size["HEIGHT"], 1000)
                self.assertLessEqual(size["WIDTH"], 500)
            desktop.picture(f"{look}-{name}")

    def test_light(self):
        self.every_kind("light")

    def test_dark(self):
        self.every_kind("dark", ADW_DEBUG_COLOR_SCHEME="prefer-dark")

    def test_other_looks(self):
        for look, dpi, width, variables in [
            ("contrast", 96, None, {"ADW_DEBUG_HIGH_CONTRAST": "1"}),
            ("german", 96, None, {"LANG": "de_DE.UTF-8"}),
            ("large", 192, None, {}),
            ("large-german-narrow", 192, 360, {"LANG": "de_DE.UTF-8"}),
            # GTK takes the direction of writing from its own words.
            ("rtl", 96, None, {"LANGUAGE": "ar"}),
        ]:
            desktop.output("xprop", "-root", "-format", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", f"Xft.dpi:\t{dpi}\n")
            shown = shown_with(**variables)
            drawn(shown, views.create(), 1, "Abbrechen" if "german" in look else "Cancel")
            if width:
                desktop.output("xdotool", "getactivewindow", "windowsize", "--sync", str(width), "900")
                until(lambda: desktop.geometry()["WIDTH"] == width, "the window can be that narrow")
            with self.subTest(look=look):
                self.assertLessEqual(desktop.geometry()["WIDTH"], 500)
                self.assertLessEqual(desktop.geometry()["HEIGHT"], 1000)
            desktop.picture(f"{look}-create")
            shown.end()

    def test_every_kind_fits_into_360_pixels_in_german_at_twice_the_size(self):
        desktop.output("xprop", "-root", "-format", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", "Xft.dpi:\t192\n")
        self.addCleanup(desktop.output, "xprop", "-root", "-remove", "RESOURCE_MANAGER")
        shown = shown_with(LANG="de_DE.UTF-8")
        self.addCleanup(shown.end)
        for number, (name, view) in enumerate(views.KINDS.items(), 1):
            drawn(shown, view, number, "Abbrechen")
            desktop.output("xdotool", "getactivewindow", "windowsize", "--sync", "360", "900")
            with self.subTest(screen=name):
                until(lambda: desktop.geometry()["WIDTH"] == 360, lambda: f"{name} can be that narrow: {desktop.geometry()}", 5)
        # And the fields for the recovery code, which are no view of the broker's.
        drawn(shown, views.KINDS["forgotten"], len(views.KINDS) + 1, "Abbrechen")
        eyes.find("push button", "PIN vergessen").press()
        eyes.find("password text", "Wiederherstellungscode")
        until(lambda: eyes.find("push button", "PIN setzen").is_("sensitive"), "the fields are drawn")
        desktop.output("xdotool", "getactivewindow", "windowsize", "--sync", "360", "900")
        until(lambda: desktop.geometry()["WIDTH"] == 360, lambda: f"{desktop.geometry()}")
        desktop.picture("large-german-narrow-recovery")


if __name__ == "__main__":
    unittest.main(verbosity=2)
