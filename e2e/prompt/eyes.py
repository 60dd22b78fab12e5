"""The window as a screen reader knows it. Import it only when the desktop runs.

What is there is asked of the window itself over the accessibility bus, all of it in one message (`Cache.GetItems`): one object after the
other, as libatspi walks, takes a thousand messages for a page of the settings. Only what is heard is libatspi's.
"""

import functools
import os

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

from bed import until  # noqa: E402

# The marks that keep a name's direction of writing to itself; nobody hears them.
MARKS = str.maketrans("", "", "\u200e\u2066\u2067\u2068\u2069")
PROGRAMS = ("claviger-prompt", "claviger-settings", "show")
ROOT = "/org/a11y/atspi/accessible/root"
# A program that is ending may answer no more; in milliseconds.
PATIENCE = 10_000


class Eyes:
    """What is on the desktop of assistive technologies."""

    def __init__(self):
        session = connect(os.environ["DBUS_SESSION_BUS_ADDRESS"])
        self.bus = connect(call(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"))
        self.heard = []
        self._listener = None

    def listen(self):
        """What was heard since the first call of this."""
        if not self._listener:
            Atspi.init()
            self._listener = Atspi.EventListener.new(self._hear)
            for event in ["object:property-change:accessible-name", "object:state-changed", "object:text-changed", "object:children-changed"]:
                self._listener.register(event)
        context = GLib.MainContext.default()
        while context.iteration(False):
            pass
        return self.heard

    def _hear(self, event):
        try:
            source = event.source
            self.heard.append((event.type, source.get_role_name(), (source.get_name() or "").translate(MARKS), str(event.any_data)))
        except GLib.Error:
            pass

    def everything(self):
        """Every object of the window that is showing, from the top."""
        found = []
        for program, root in call(self.bus, "org.a11y.atspi.Registry", ROOT, "org.a11y.atspi.Accessible", "GetChildren"):
            try:
                children = self._children(program)
            except GLib.Error:
                continue  # It went while we looked.
            if any(seen.path == root and seen.name in PROGRAMS for seen in children.get("/org/a11y/atspi/null", [])):
                walk(children, root, found)
        return found

    def _children(self, program):
        """The objects of a program by their parents' paths, in order."""
        opened = {}
        while True:
            children, count = {}, {}
            answer = self.bus.call_sync(program, "/org/a11y/atspi/cache", "org.a11y.atspi.Cache", "GetItems", None, None, Gio.DBusCallFlags.NONE, PATIENCE, None)
            items = answer.get_child_value(0)
            for nth in range(items.n_children()):
                seen = Seen(self, program, items.get_child_value(nth))
                children.setdefault(seen.parent, []).append(seen)
                count[seen.path] = seen.count
            # The program makes objects known when they are asked for, and keeps those that it has hidden.
            # One that it has hidden can stand for one that it has not made known yet: an empty label gives that away.
            known = {path: sum(seen.role != "label" or bool(seen.name) for seen in siblings) for path, siblings in children.items()}
            todo = [path for path in count if count[path] != known.get(path, 0) and path not in opened]
            asked = bool(todo)
            while todo:
                path = todo.pop()
                opened[path] = [child for _, child in self.ask(program, path, "Accessible", "GetChildren")]
                todo += [child for child in opened[path] if child not in count]
            if not asked:
                return {parent: sorted((seen for seen in siblings if seen.path in opened.get(parent, [seen.path])), key=lambda seen: seen.index)
                        for parent, siblings in children.items()}

    def ask(self, program, path, interface, method, *arguments):
        return call(self.bus, program, path, f"org.a11y.atspi.{interface}", method, *arguments)

    def find(self, role, name=None, seconds=20):
        """The first object of this role whose name holds these words."""
        def look():
            return next((seen for seen in self.everything() if seen.role == role and (name is None or name in seen.name)), None)

        return until(look, lambda: f"{role} {name!r} among {self.everything()}", seconds)

    def has(self, words):
        return any(words in seen.name for seen in self.everything())


class Seen:
    """One object, as it was when it was looked at: an item of the window's cache, `((so)(so)(so)iiassusau)`, of which most is never needed."""

    def __init__(self, eyes, program, item):
        self.eyes, self.program, self._item = eyes, program, item
        self.path, self.parent = (item.get_child_value(nth).get_child_value(1).get_string() for nth in (0, 2))
        self.index, self.count = (item.get_child_value(nth).get_int32() for nth in (3, 4))
        self.name = item.get_child_value(6).get_string().translate(MARKS)
        self.role = role(item.get_child_value(7).get_uint32())

    def __repr__(self):
        return f"{self.role}:{self.name!r}"

    def is_(self, state):
        number = int(getattr(Atspi.StateType, state.upper()))
        return bool(self._item.get_child_value(9).get_child_value(number // 32).get_uint32() >> number % 32 & 1)

    def text(self):
        return self._ask("Text", "GetText", GLib.Variant("(ii)", (0, -1))) if "org.a11y.atspi.Text" in self._item.get_child_value(5).unpack() else ""

    def length(self):
        return call(self.eyes.bus, self.program, self.path, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", ("org.a11y.atspi.Text", "CharacterCount")))

    def press(self):
        return self._ask("Action", "DoAction", GLib.Variant("(i)", (0,)))

    def extents(self, of):
        """Left, top, width and height; on the screen or in the window."""
        return self._ask("Component", "GetExtents", GLib.Variant("(u)", ({"screen": 0, "window": 1}[of],)))

    def _ask(self, interface, method, *arguments):
        return self.eyes.ask(self.program, self.path, interface, method, *arguments)


@functools.cache
def role(number):
    return Atspi.role_get_name(Atspi.Role(number))


def walk(children, parent, found):
    """Adds what is below and visible, from the top."""
    for seen in children.get(parent, []):
        if seen.is_("visible"):
            found.append(seen)
            walk(children, seen.path, found)


def connect(address):
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(address, flags, None, None)


def call(bus, name, path, interface, method, arguments=None):
    """The first value of the answer."""
    return bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, PATIENCE, None).unpack()[0]
