"""Thirty views with names that were made to mislead or to break: nothing of them is hidden, moves the window or does anything."""

import base64
import errno
import os
import shutil
import socket
import struct
import tempfile
import unittest
import zlib

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


def svg(inner, attributes=""):
    return {"format": "svg", "data": base64.b64encode(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inner}</svg>'.encode()).decode()}


def png(width, height, pixels=b""):
    def part(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    parts = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) + part(b"IDAT", zlib.compress(pixels)) + part(b"IEND", b"")
    return {"format": "png", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()}


# Who waits for somebody that should never come.
LISTENER = socket.create_server(("127.0.0.1", 0))
PIPE = os.path.join(tempfile.mkdtemp(prefix="claviger-hostile-"), "pipe")
os.mkfifo(PIPE)
RED = '<rect width="100%" height="100%" fill="#f00"/>'
# The broker lets few of these through; the window believes nobody.
LOGOS = {
    "good": svg(RED, 'width="16" height="16"'), "good-png": png(8, 8, (b"\0" + b"\xff\0\0\xff" * 8) * 8), "huge": svg(RED, 'width="10000000" height="10000000"'),
    "thin": svg(RED, 'width="1000000" height="1"'), "script": svg(f"<script>alert(1)</script>{RED}", "onload='alert(2)'"),
    "file": svg(f'<image href="file://{PIPE}" width="10" height="10"/>'), "web": svg(f'<image href="http://127.0.0.1:{LISTENER.getsockname()[1]}/x.png" width="10" height="10"/>'),
    "foreign": svg('<foreignObject width="10" height="10"><body xmlns="http://www.w3.org/1999/xhtml">x</body></foreignObject>'),
    # Two to the power of thirty times one drawing.
    "doubling": svg(f"<defs><g id='g0'>{RED}</g>" + "".join(f"<g id='g{n}'><use href='#g{n - 1}'/><use href='#g{n - 1}'/></g>" for n in range(1, 31)) + "</defs><use href='#g30'/>"),
    "itself": svg("<g id='a'><use href='#a'/></g><use href='#a'/>"), "deep": svg("<g>" * 5000 + "</g>" * 5000), "entities": {"format": "svg", "data": base64.b64encode(
        b'<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg"><text>&b;</text></svg>').decode()},
    "large-png": png(30000, 30000), "cut-png": png(8, 8), "gif": {"format": "png", "data": base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()},
    "unknown": {"format": "webp", "data": "AAAA"}, "no-base64": {"format": "svg", "data": "<svg/>"},
}


def drawn(logo, prompt):
    """Of the only choice, or in a list."""
    choices = [views.provider(1, "Notebook")] if prompt % 2 else [views.provider(1, "Notebook"), views.provider(2, "Other")]
    return views.create(prompt, choices=choices, remember=False, logos={"org.example.P1": {"light": logo}})


def settled(measure):
    """What is measured once it changes no more: the same for twenty looks."""
    seen = []

    def steady():
        seen.append(measure())
        return len(seen) >= 20 and len(set(seen[-20:])) == 1

    until(steady, lambda: f"it settles: {seen[-20:]}")
    return seen[-1]


def setUpModule():
    global desktop, eyes
    desktop = bed.Desktop(size="900x1200")
    os.environ.update(desktop.env)
    from eyes import Eyes

    eyes = Eyes()


def tearDownModule():
    desktop.stop()
    LISTENER.close()
    shutil.rmtree(os.path.dirname(PIPE))


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

    def test_a_logo_holds_up_nothing_loads_nothing_and_is_as_large_as_its_place(self):
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        sizes = {}
        for number, (name, logo) in enumerate(LOGOS.items()):
            with self.subTest(logo=name):
                shown.view(drawn(logo, number + 2000))
                until(lambda: any(seen.role == "push button" and seen.name == "Create passkey" and seen.is_("sensitive") for seen in eyes.everything()), "the window goes on")
                # The window comes to its size a moment after its words.
                def measured():
                    size = desktop.geometry()
                    return size["WIDTH"], size["HEIGHT"]

                wanted = sizes.get(number % 2) or settled(measured)
                until(lambda: measured() == wanted, lambda: f"{measured()} is {wanted}")
                sizes[number % 2] = wanted
                desktop.picture(f"hostile-logo-{name}")
        self.assertIsNone(shown.process.poll())
        LISTENER.setblocking(False)
        with self.assertRaises(BlockingIOError, msg="nothing was fetched"):
            LISTENER.accept()
        with self.assertRaises(OSError, msg="no file was opened") as nobody_reads:
            os.open(PIPE, os.O_WRONLY | os.O_NONBLOCK)
        self.assertEqual(nobody_reads.exception.errno, errno.ENXIO)

    def test_a_logo_is_drawn(self):
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        for prompt, name in enumerate(["good", "good-png"], 3000):
            shown.view(drawn(LOGOS[name], prompt))
            # Nothing else of the window is of this red.
            until(lambda: "#FF0000" in self.colours(), f"the logo {name}")

    def colours(self):
        picture = desktop.dir / "colours.png"
        desktop.output("import", "-window", "root", str(picture))
        return desktop.output("convert", str(picture), "-unique-colors", "txt:-")

    def hides(self, character):
        """Whether a character is one that nobody sees or that turns others round. The reader's own marks are gone already."""
        return character < " " or "\x7f" <= character <= "\x9f" or character in "\u200b\u200e\u200f\u061c\ufeff\u2028\u2029" or "\u202a" <= character <= "\u202e" \
            or "\U000e0000" <= character <= "\U000e0fff"


if __name__ == "__main__":
    unittest.main(verbosity=2)
