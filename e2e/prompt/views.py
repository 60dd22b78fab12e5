"""Views as the broker makes them, one of every kind."""

SITE = {"rp_id": "login.example.com", "rp_name": "Example", "origin": "https://login.example.com", "top_origin": None, "related": False, "offered": False}
BROWSER = {"name": "Chromium", "executable": "/usr/lib/chromium/chromium", "door": "browser"}
ACCOUNT = {"name": "alice@example.com", "display_name": "Alice Example"}
PIN = {"method": "pin", "purpose": "verify", "tries_left": 8, "wait_ms": 0}
NEW_PIN = {**PIN, "purpose": "new"}
VAULT = {"provider": "org.claviger.Vault", "provider_name": "Claviger vault"}


def view(kind, prompt=1, **members):
    base = {"version": 1, "prompt": prompt, "revision": prompt, "kind": kind, "title": None, "site": None, "caller": None, "account": None,
            "choices": [], "preselected": None, "remember": False, "methods": [], "problem": None, "expires_ms": None}
    return {**base, **members}


def idle():
    return view("idle", 0)


def title(code, **arguments):
    return {"code": f"{code}-title", **arguments}


def passkey(number, name=None, locked=False, details=(), **members):
    return {"id": f"c{number}", "kind": "passkey", **VAULT, "label": {"code": "account", "account": name}, "details": list(details), "locked": locked, **members}


def provider(number, name, locked=False, details=()):
    return {"id": f"c{number}", "kind": "provider", "provider": f"org.example.P{number}", "provider_name": name,
            "label": {"code": "provider", "provider": name}, "details": list(details), "locked": locked}


def sign_in(prompt=1, **members):
    base = {"title": title("sign-in", site=SITE["rp_id"]), "site": SITE, "caller": BROWSER, "choices": [passkey(1, "alice@example.com")],
            "preselected": "c1", "methods": [PIN]}
    return view("sign-in", prompt, **{**base, **members})


def create(prompt=1, **members):
    base = {"title": title("create", site=SITE["rp_id"]), "site": SITE, "caller": BROWSER, "account": ACCOUNT,
            "choices": [provider(1, "Claviger vault", details=[{"code": "replaces-passkey"}]), provider(2, "Notebook", locked=True)],
            "preselected": "c1", "remember": True, "methods": [PIN]}
    return view("create", prompt, **{**base, **members})


def consent(prompt=1, **members):
    return sign_in(prompt, **{"methods": [], "choices": [passkey(1, "alice@example.com"), passkey(2, "bob@example.com")], **members})


PROGRAM = {"name": "Claviger", "executable": "/usr/bin/claviger", "door": "cli"}

# Every kind of screen, by the name of its picture.
KINDS = {
    "create": create(),
    "sign-in": sign_in(),
    "sign-in-several": sign_in(choices=[passkey(1, "alice@example.com"), passkey(2, "alice@work.example", details=[{"code": "never-confirmed"}]),
                                        passkey(3, None, locked=True)]),
    "sign-in-wrong-pin": sign_in(problem={"code": "wrong-pin", "text": {"code": "wrong-pin", "tries_left": 7}}, methods=[{**PIN, "tries_left": 7}]),
    "sign-in-waiting": sign_in(methods=[{**PIN, "tries_left": 5, "wait_ms": 30000}, {"method": "fingerprint", "purpose": "verify", "tries_left": 3, "wait_ms": 0,
                                                                                  "progress": {"state": "waiting"}}], waiting=2),
    "consent": consent(),
    "many": sign_in(choices=[passkey(n, f"user{n:03}@example.com") for n in range(500)], preselected="c7"),
    "security-key-door": sign_in(site={**SITE, "origin": None}, caller={"name": "ssh-keygen", "executable": "/usr/bin/ssh-keygen", "door": "hid"},
                                 title=title("program-sign-in", program="ssh-keygen", site=SITE["rp_id"])),
    "punycode": sign_in(site={**SITE, "rp_id": "login.xn--80ak6aa92e.com", "origin": "https://login.xn--80ak6aa92e.com"},
                        title=title("sign-in", site="login.xn--80ak6aa92e.com")),
    "excluded": create(title=title("excluded", site=SITE["rp_id"]), problem={"code": "excluded", "text": {"code": "excluded", "provider": "Claviger vault"}},
                       methods=[], choices=[provider(1, "Claviger vault")], remember=False),
    "choose-pin": view("choose-pin", 1, title=title("choose-pin"), caller=PROGRAM, methods=[NEW_PIN],
                       problem={"code": "weak-pin", "text": {"code": "weak-pin", "reason": "date"}}),
    "enable-provider": view("enable-provider", 1, title=title("enable", provider="Notebook"), caller=PROGRAM, program="/usr/bin/python3.11", methods=[PIN],
                            problem={"code": "program-host", "text": {"code": "program-host", "host": "interpreter"}}),
    "unlock": view("unlock", 1, title=title("unlock", provider="Claviger vault", more=0), caller=PROGRAM, methods=[PIN]),
    "verify": view("verify", 1, title=title("verify", provider="Notebook"), caller={**PROGRAM, "name": "Notebook", "door": "provider"}, methods=[PIN],
                   claim={"code": "provider-says", "provider": "Notebook", "words": "Export all passkeys"}),
    "delete": view("verify", 1, title=title("delete", account="alice@example.com", site=SITE["rp_id"]), caller=PROGRAM, account=ACCOUNT,
                   site={**SITE, "origin": None}, methods=[PIN]),
    "broken": view("notice", 1, title=title("no-verification"), site=SITE, caller=BROWSER,
                   problem={"code": "verification-unavailable", "text": {"code": "no-verification"}},
                   troubles=[{"what": "hello", "damage": "malformed", "file": "/home/alice/.local/state/claviger/hello/hello.state"},
                             {"what": "clock", "damage": "behind", "file": "/home/alice/.local/state/claviger/broker/audit.jsonl"}]),
    "disabled": view("notice", 1, title=title("provider-disabled"), site=SITE, caller=BROWSER, turn_on="Notebook",
                     problem={"code": "provider-disabled", "text": {"code": "provider-disabled", "provider": "Notebook"}}),
    "forgotten": sign_in(recovery=True),
    "put-back": sign_in(recovery=True, methods=[{**PIN, "tries_left": 2, "wait_ms": 3_500_000}]),
    "locked-out": view("notice", 1, title=title("pin-locked"), site=SITE, caller=BROWSER, recovery=True,
                       problem={"code": "locked-out", "text": {"code": "pin-locked-recover"}}),
    "no-code": sign_in(note={"code": "no-recovery-code"}),
    "notice": view("notice", 1, title=title("no-passkey"), site=SITE, caller=BROWSER,
                   problem={"code": "no-credential", "text": {"code": "no-passkey", "provider": None, "site": SITE["rp_id"]}}),
}
