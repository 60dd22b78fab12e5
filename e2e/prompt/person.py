"""A person at the window that asks, for a story: reads as a screen reader does, presses keys as a keyboard would, and takes pictures.

person.py RULES PICTURES. RULES is a JSON array; the first rule whose words of `sees` are all on the screen, and whose button can be pressed,
is acted by: `choose` an entry of the list, `type` a PIN into each field, then Enter, or `press` a button. With `times` a rule holds so often.
The desktop turns dark for a second picture of each screen.
Each screen is a line of JSON on standard output: what was read, what was done, and whose window was in front. Ends when standard input does.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading

from bed import until
from eyes import Eyes
from portal import Portal

BUTTON, LIST_ITEM, PIN = "push button", "list item", "password text"


class Person:
    def __init__(self, rules, pictures):
        self.eyes, self.portal, self.rules, self.pictures, self.count = Eyes(), Portal(), rules, pictures, 0

    def answer(self):
        """Deals with the screen that there is, if it can be answered yet."""
        seen = self.eyes.everything()
        words = [it.name for it in seen]
        rule = next((rule for rule in self.rules if rule.get("times", 1) and all(any(part in word for word in words) for part in rule["sees"])), None)
        if not rule or not any(it.role == BUTTON and it.name == rule["press"] and it.is_("sensitive") for it in seen):
            return
        if "times" in rule:
            rule["times"] -= 1
        if "choose" in rule:
            self.choose(next(it for it in seen if it.role == LIST_ITEM and rule["choose"] in it.name))
        program = self.in_front()
        self.picture(rule["name"])
        # Read before it is answered: afterwards it is another one.
        buttons = [it.name for it in seen if it.role == BUTTON]
        says = list(dict.fromkeys(it.name for it in seen if it.role in ("label", "alert") and it.name not in ("", "GtkLabel", *buttons)))
        if "type" in rule:
            self.type(seen, rule["type"])
        else:
            self.press(rule["press"])
        print(json.dumps({"says": says, "typed": "type" in rule, "pressed": rule["press"], "in_front": program}), flush=True)
        until(lambda: [it.name for it in self.eyes.everything()] != words, "another screen")

    def choose(self, item):
        """By Tab and arrow keys."""
        def chosen():
            return any(it.role == LIST_ITEM and it.name == item.name and it.is_("selected") for it in self.eyes.everything())

        until(lambda: self.keys("Tab") or any(it.role == LIST_ITEM and it.is_("focused") for it in self.eyes.everything()), "the list's focus")
        until(lambda: chosen() or self.keys("Down"), f"the choice of {item.name}")

    def press(self, name):
        """By Tab and Enter."""
        until(lambda: any(it.role == BUTTON and it.name == name and it.is_("focused") for it in self.eyes.everything()) or self.keys("Tab"), f"the focus of {name}")
        self.keys("Return")

    def type(self, seen, pin):
        """The first field has the focus; Enter leads to the next one or agrees."""
        until(lambda: any(it.role == PIN and it.is_("focused") for it in self.eyes.everything()) or self.keys("Tab"), "a field for the PIN")
        for _ in [it for it in seen if it.role == PIN]:
            subprocess.run(["xdotool", "type", "--delay", "10", pin], check=True)
            self.keys("Return")

    def keys(self, *keys):
        subprocess.run(["xdotool", "key", *keys], check=True)

    def in_front(self):
        """The program whose window is the active one."""
        pid = subprocess.run(["xdotool", "getactivewindow", "getwindowpid"], capture_output=True, text=True, check=True).stdout.strip()
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()

    def picture(self, name):
        """Two, in the light and in the dark."""
        self.count += 1
        window = subprocess.run(["xdotool", "getactivewindow"], capture_output=True, text=True, check=True).stdout.strip()
        file = self.pictures / f"asked-{self.count:02}-{name}.png"
        ground = shoot(window, file)
        self.portal.turn(dark=True)
        dark = file.with_stem(f"{file.stem}-dark")
        until(lambda: shoot(window, dark) != ground, "the window's dark colours", 60)
        self.portal.turn(dark=False)
        until(lambda: shoot(window, self.pictures / "again.png") == ground, "the window's light colours", 60)
        (self.pictures / "again.png").unlink()


def shoot(window, file):
    """Takes a picture; gives the colour beside its first words."""
    subprocess.run(["import", "-window", window, str(file)], check=True)
    return subprocess.run(["convert", str(file), "-format", "%[pixel:p{20,60}]", "info:"], capture_output=True, text=True, check=True).stdout


def main():
    rules, pictures = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    # Whoever tells the story ends it.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    person = Person(rules, pictures)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        person.answer()
        threading.Event().wait(0.05)


if __name__ == "__main__":
    main()
