"""Thirty views with names that were made to mislead or to break: nothing of them is hidden, moves the window or does anything."""

import os
import unittest

import bed
import views
from bed import until

ZALGO = "Z" + "\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 40 + "algo"
EMOJI = "👩‍💻" * 64
LONG = "x" * 10_000
MARKUP = "<b>bold</b><span size='500pt'>&amp;</span>\"'"
SVG = "<svg onload='alert(1)'><script>alert(2)</script></svg>"
TEMPLATE = "{ $site } { sign-in-title } %s $(touch /tmp/claviger-owned) `id`"


def named(name):
    """Every place that somebody else has a hand in says this."""
    return views.create(
        title=views.title("program-create", program=name, site=name), site={**views.SITE, "rp_name": name, "rp_id": name},
        caller={"name": name, "executable": f"/opt/{name}", "door": "hid"}, account={"name": name, "display_name": name},
        choices=[views.provider(1, name, locked=True), views.passkey(2, name, details=[{"code": "display-name", "name": name}], provider_name=name)],
        claim={"code": "provider-says", "provider": name, "words": name}, program=f"/opt/{name}",
        problem={"code": "provider-damaged", "text": {"code": "provider-damaged", "provider": name, "reason": name}})


def hosted(rp_id):
    """A site of this name, as a browser asks."""
    return views.sign_in(site={**views.SITE, "rp_id": rp_id, "origin": f"https://{rp_id}"}, title=views.title("sign-in", site=rp_id))


NAMES = {
    "nothing": "", "blank": "\u3164\u2800\u115f", "spaces": "   \u00a0\u2003  ", "controls": "a\x00b\x07c\x1b[2Jd\x7f\x9b31m", "lines": "a\nb\r\nc\u2028d\u2029e\u0085f",
    "override": "\u202emoc.elpmaxe\u202c", "isolates": "\u2066\u2067\u2068a\u2069" * 30, "marks-of-direction": "\u200fexample\u200ecom\u061c", "hebrew": "שלום example.com שלום",
    "arabic": "مرحبا " * 30, "zero-width": "e\u200bx\u200ca\u200dm\ufeffple", "tags": "exam\U000e0070\U000e006cple", "combining": ZALGO, "combining-alone": "\u0301" * 500, "emoji": EMOJI,
    "flags": "🇦🇹" * 200, "tall": "﷽" * 64, "long": LONG, "long-words": "lorem " * 2000, "markup": MARKUP, "entities": "&lt;b&gt;&#x202e;&bogus;", "svg": SVG, "template": TEMPLATE,
    "quotes": "Alice” (checked). “", "private": "\ue000\uf8ff\U00100000", "full-width": "ｅｘａｍｐｌｅ．ｃｏｍ", "mathematical": "𝐞𝐱𝐚𝐦𝐩𝐥𝐞",
}
HOSTS = {
    "look-alike": "xn--80ak6aa92e.com", "deep": ".".join(["login", "secure"] * 12 + ["evil", "example"]), "longest": f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 50}.com",
    "suffix-only": "co.uk", "subdomain-bank": "www.bank.com.evil.example", "malformed-punycode": "xn--zzzzzzzzzz.com",
}
VIEWS = {**{name: named(text) for name, text in NAMES.items()}, **{f"host-{name}": hosted(text) for name, text in HOSTS.items()}}


def setUpModule():
    global desktop, eyes
    desktop = bed.Desktop(size="900x1200")
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()


class Hostile(unittest.TestCase):
    def test_there_are_thirty_and_nothing_of_any_is_hidden_moved_or_done(self):
        self.assertGreaterEqual(len(VIEWS), 30)
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        # How wide the window is with names that are meant well.
        shown.view({**views.create(), "prompt": 999, "revision": 999})
        eyes.find("push button", "Create passkey")
        width = desktop.geometry()["WIDTH"]
        for number, (name, view) in enumerate(VIEWS.items(), 1):
            with self.subTest(view=name):
                shown.view({**view, "prompt": number, "revision": number})
                agree = "Create passkey" if view["kind"] == "create" else "Sign in"
                button = until(lambda: next((seen for seen in eyes.everything() if seen.role == "push button" and seen.name == agree and seen.is_("sensitive")), None), agree)
                size = desktop.geometry()
                self.assertEqual(size["WIDTH"], width)
                self.assertLessEqual(size["HEIGHT"], 1200)
                # The buttons are where they can be seen and pressed, whatever is above them.
                _, top, width_of_button, height = button.extents("window")
                self.assertTrue(width_of_button > 60 and top + height <= size["HEIGHT"], (top, height, size))
                for seen in eyes.everything():
                    self.assertFalse([it for it in seen.name if self.hides(it)], f"{seen!r}")
                    self.assertLess(len(seen.name), 1000)
                desktop.picture(f"hostile-{name}")
        self.assertEqual(shown.answers(), [], "nobody did anything")
        self.assertIsNone(shown.process.poll())
        self.assertFalse(os.path.exists("/tmp/claviger-owned"))
        self.assertNotIn("markup", desktop.log().lower())

    def hides(self, character):
        """Whether a character is one that nobody sees or that turns others round. The reader's own marks are gone already."""
        return character < " " or "\x7f" <= character <= "\x9f" or character in "\u200b\u200e\u200f\u061c\ufeff\u2028\u2029" or "\u202a" <= character <= "\u202e" \
            or "\U000e0000" <= character <= "\U000e0fff"


if __name__ == "__main__":
    unittest.main(verbosity=2)
