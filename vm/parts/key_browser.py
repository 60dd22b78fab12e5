"""Device (A) and a stock browser: key_browser.py firefox | chromium."""

import sys

import browsers
from bed import Key, finish

with browsers.playground() as origin, Key("--uv", "builtin"):
    browsers.story(sys.argv[1], origin)
finish()
