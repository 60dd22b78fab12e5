"""Device (B) and a stock browser: door_browser.py firefox | chromium."""

import collections
import sys

import browsers
from bed import check, equal, finish
from door import Door

with browsers.playground() as origin, Door() as door:
    browsers.story(sys.argv[1], origin)
    with check("the user was asked once for each ceremony, and not for the browser's probes"):
        questions = {view["prompt"]: view["kind"] for view in door.views()}
        kinds = collections.Counter(questions.values())
        # One registration, one that is refused after consent; two sign-ins and two for the note.
        equal((kinds["create"] <= 2, kinds["sign-in"]), (True, 4), f"questions {dict(kinds)}")
finish()
