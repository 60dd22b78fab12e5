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


def geometry():
    said = desktop.output("xdotool", "getactivewindow", "getwindowgeometry", "--shell")
    return {name: int(value) for name, value in (line.split("=", 1) for line in said.splitlines()) if name != "WINDOW"}


def drawn(shown, view, prompt):
    """Draws the view as another question and waits until it is there."""
    shown.view({**view, "prompt": prompt, "revision": prompt})
    label = "Close" if view["kind"] == "notice" else "Cancel"
    eyes.find("push button", label)
    if view["kind"] != "notice":
        until(lambda: [seen for seen in eyes.everything() if seen.role == "push button" and seen.is_("sensitive") and seen.name not in (label, "Not for an hour", "Close")]
              or view["methods"] and any(method.get("wait_ms") for method in view["methods"]), "the guard opens")


class Pictures(unittest.TestCase):
    def every_kind(self, look, **variables):
        shown = shown_with(**variables)
        self.addCleanup(shown.end)
        for number, (name, view) in enumerate(views.KINDS.items(), 1):
            drawn(shown, view, number)
            size = geometry()
            with self.subTest(screen=name):
                self.assertLessEqual(size["HEIGHT"], 1000)
                self.assertLessEqual(size["WIDTH"], 500)
            desktop.picture(f"{look}-{name}")

    def test_light(self):
        self.every_kind("light")

    def test_dark(self):
        self.every_kind("dark", ADW_DEBUG_COLOR_SCHEME="prefer-dark")

    def test_high_contrast_large_german_and_from_right_to_left(self):
        for look, variables in [
            ("contrast", {"ADW_DEBUG_HIGH_CONTRAST": "1"}),
            ("large", {"GDK_DPI_SCALE": "2"}),
            ("german", {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"}),
            ("rtl", {"GTK_DEBUG": "no-css-cache", "CLAVIGER_RTL": "1"}),
        ]:
            if look == "rtl":
                continue
            shown = shown_with(**variables)
            shown.view(views.create())
            eyes.find("push button", "Abbrechen" if look == "german" else "Cancel")
            until(lambda: geometry()["HEIGHT"] > 100, "the window")
            self.assertLessEqual(geometry()["WIDTH"], 500, look)
            desktop.picture(f"{look}-create")
            shown.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
