# What the settings say, in English. An argument that is absent is the number 0; what holds is 1.

# The window.

title = Claviger
page-passkeys = Passkeys
page-providers = Providers
page-verification = Verification
page-ways-in = Ways in
page-activity = Activity
page-about = About
back = Back
reload = Look again
cancel = Cancel
waiting = Claviger asks you in a window of its own. Please answer there.
stop-waiting = Stop waiting
unreachable = Claviger does not answer
unreachable-more = Its service could not be started, or another program has taken its place. “claviger doctor” in a terminal says what is missing.
try-again = Try again
loading = One moment …

# Passkeys.

search-passkeys = Search sites, accounts, providers
sort-by = Sort by
group-by-site = Group by site
no-passkeys = No passkeys yet
no-passkeys-more = When a site offers to create a passkey, or to sign in with one from now on, say yes: it then appears here.
no-match = Nothing matches
order-site = Site
order-account = Account
order-last-used = Last used
order-created = Newest
order-provider = Provider
passkey = Passkey
no-account = Account without a name
last-used = last used { $time }
never-used = never used
unknown = not known
unconfirmed = never confirmed by the site
unconfirmed-more = The browser could not give this passkey to the page, so the site may not know it. The next passkey for this account replaces it.
fact-site = Site
fact-site-name = What the site calls itself
fact-account = Account
fact-display-name = Name of the person
fact-provider = Kept by
fact-created = Created
fact-last-used = Use
fact-copies = Copies
fact-found = How it is found
fact-id = Number
synced = Synced: known to exist on another device too
this-device-only = This device only
discoverable = By the site alone; nobody has to name the account
not-discoverable = Only when the site names it
rename-row = Another name for the account, in your lists only
rename = Rename …
rename-heading = Rename this passkey
new-name = Name
hidden = hidden by you
hide-row = Hide this passkey
hide-row-more = It stays where it is, and nobody is offered it at a sign-in.
hide = Hide
unhide-row = This passkey is hidden
unhide-row-more = It is not offered at a sign-in, and stays where it is.
unhide = Offer it again
delete-row = Delete this passkey
delete-row-more = You may not be able to sign in with it any more, and the site does not hear of it.
delete = Delete …
delete-heading = Delete the passkey “{ $account }” for { $site }?
delete-body = It is gone for good: nobody can bring it back, Claviger neither. { $site } does not hear of it and will go on offering it, so remove it in your account there too. Make sure before that you can sign in there in another way.

# Providers.

keeps = { $count ->
    [0] Keeps no passkeys
    [one] Keeps one passkey
   *[other] Keeps { $count } passkeys
}
takes-part = Takes part
provider-on = Sites and programs may use what it keeps.
provider-off = Sites and programs do not see it. What it keeps stays where it is. Turning it on takes your PIN.
is-unreachable = It does not run and could not be started. “claviger doctor” may know why.
provider-locked = Locked
provider-open = Open
lock = Lock
unlock = Unlock …
is-default = New passkeys go here unless you choose otherwise
not-default = New passkeys go elsewhere unless you choose otherwise
make-default = Use for new passkeys
place-of = Number { $place } of { $count }
place-more = Providers are offered in this order, after what you used last at a site and what you use for new passkeys.
move-up = Offer earlier
move-down = Offer later
made-by = Made by
from-package = Package { $package }
not-from-package = Not from a package
no-program = its program is not known
last-faults = What went wrong with it lately
is-damaged = It says that what it keeps is damaged
is-unavailable = It says that it cannot work now
manifest-problems = Providers that cannot be used
no-providers = There are no providers. “claviger setup” in a terminal brings the vault.
rules = Rules for sites
rules-note = At these sites this provider is offered first, whatever you use for new passkeys.
remove-rule = Remove
add-rule-row = Offer one provider first at a certain site
add-rule = Add a rule …
rule-site = Site, such as example.com
rule-provider = Provider

# Verification.

pin = PIN
pin-set = A PIN is chosen
pin-tries = { $tries_left ->
    [one] One attempt left before it is locked
   *[other] { $tries_left } attempts left before it is locked
}
pin-wait = The next attempt is looked at in { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
}.
pin-restored = Attempts are missing because its file was put back from a backup or moved here, not because anybody typed a wrong PIN.
pin-not-set = No PIN is chosen yet
pin-not-set-more = Your PIN proves that it is you, and opens your passkeys. It stays on this computer.
choose-pin = Choose a PIN …
change-pin = Change the PIN …
pin-locked-out = The PIN is locked
pin-locked-out-more = There were too many wrong ones. With the recovery code “claviger verify recover” in a terminal sets a new one; without, SECURITY.md, which comes with Claviger, says what that means.
pin-unknown = The part that checks PINs does not answer
protection = Protection
tier-sentence = { $tier ->
    [software] Software tier: the PIN protects your passkeys from whoever has the disk without it, not from a program that runs as you.
    [tpm] TPM tier: the computer's security chip counts the attempts, so a copy of the disk opens nothing.
    [system] System tier: your passkeys are opened outside your own programs' reach.
   *[other] Tier { $tier }.
}
tier-more = { $tier ->
    [software] A longer PIN protects better: whoever copies the file can try PINs on another computer. A stronger tier of Claviger does not exist in this version.
   *[other] SECURITY.md, which comes with Claviger, says what that protects against and what not.
}
roles-proved = Claviger's own parts are proved to be Claviger's
roles-unproved = Claviger's own parts are not proved
roles-unproved-more = It is not installed for all users, so a program that runs as you could pose as one of them. Installed from a package, systemd vouches for them.

# Ways in.

browsers = Browsers
browsers-note = These are on this computer.
browser-door-shut = Claviger does not answer browsers at the moment. “claviger doctor” in a terminal says why.
no-browsers = No browser was found that Claviger knows.
host-found = The browser finds Claviger.
host-missing = The browser does not find Claviger yet: run “claviger setup” in a terminal.
host-writable = The browser does not find Claviger yet.
set-up = Set up
browser-set-up = The browser finds Claviger from its next start on.
browser-not-set-up = { $file } cannot be written: { $problem }
copy-folder = Copy the folder
copied = Copied.
load-extension = If its icon is not in the toolbar yet: open chrome://extensions, switch on “Developer mode”, press “Load unpacked” and choose { $folder ->
    [0] the folder that “claviger setup” names
   *[other] the folder { $folder }
}.
browser-by-key = It uses Claviger as a security key.
browser-without-key = It can use Claviger as a security key, once the security key below is there.
key-cannot-show = A security key does not hear which page asks: the program names the site. Claviger shows both names, and cannot check that the page is that site's.
key-door = Security key
key-door-note = Programs without the extension, Firefox among them, can use Claviger as if it were a security key that is plugged in.
key-plugged = Plugged in: every program can use it
key-listening = Listens at a socket, for tests
key-off = Switched off: programs see no security key
key-unplugged = There is no security key at the moment
key-not-running = The security key does not run
key-waits = Switched on, and waits for its helper
key-needs-helper = Its helper is installed once for the whole computer, by its administrator: “sudo claviger setup --system” in a terminal.
key-start = “systemctl --user start claviger-hid-door” in a terminal starts it; from the next login on it starts by itself.
key-doctor = “claviger doctor” in a terminal says what it needs.
allowed-programs = Programs allowed to name a site
allowed-note = What they say about which site asks is believed, as it is of the browsers that Claviger knows.
allowed-by = Allowed by { $file }. To end that, take its line out of that file and log in again.
allowed-in-vain = It is not believed all the same: others than you and root may change it, or it is not there.

# Activity.

search-activity = Search what happened
show = Show
filter-all = Everything
filter-sign-ins = Sign-ins
filter-changes = Changes
filter-failures = What went wrong
log-intact = The record is intact: no entry was changed or taken away.
log-changed = { $problem ->
    [0] The record was changed or damaged.
   *[other] The record was changed or damaged: { $problem }
}
no-activity = Nothing has happened yet
export = Save as a file …
export-name = claviger-activity.jsonl
exported = Saved.
not-exported = It could not be saved: { $problem }
audit-who = { $who ->
    [0] A program
   *[other] { $who }
}
audit-site = { $site ->
    [0] a site
   *[other] { $site }
}
audit-at = { $provider ->
    [0] {""}
   *[other] {" "}({ $provider })
}
audit-provider = { $provider ->
    [0] A provider
   *[other] { $provider }
}
audit = { $event ->
    [create] { $ok ->
        [1] { audit-who } had a passkey created for { audit-site }{ audit-at }.
       *[0] { audit-who } asked to create a passkey for { audit-site }, and got none{ audit-at }.
    }
    [get] { $ok ->
        [1] { audit-who } signed you in to { audit-site }{ audit-at }.
       *[0] { audit-who } asked to sign you in to { audit-site }, and could not{ audit-at }.
    }
    [verify-user] { $ok ->
        [1] { audit-provider } had you verified.
       *[0] { audit-provider } wanted you verified, and you were not.
    }
    [verification] Somebody was not verified: a wrong PIN, or one too many.
    [provider] { $ok ->
        [1] { audit-provider } changed: turned on or off, started, or with new keys.
       *[0] { audit-provider } was refused something.
    }
    [prompt] A window or terminal became the one that asks you.
    [manage] { $ok ->
        [1] Something was changed or agreed to in Claviger{ audit-at }.
       *[0] Something was to be changed in Claviger, and was not{ audit-at }.
    }
    [enabled] { $ok ->
        [1] You turned on { audit-provider }.
       *[0] { audit-provider } was to be turned on, and was not.
    }
    [disabled] { $ok ->
        [1] You turned off { audit-provider }.
       *[0] { audit-provider } was to be turned off, and was not.
    }
    [deleted] { $ok ->
        [1] You deleted a passkey{ audit-at }.
       *[0] A passkey was to be deleted, and was not{ audit-at }.
    }
    [hidden] You hid a passkey{ audit-at }.
    [unhidden] You had a hidden passkey offered again{ audit-at }.
    [reordered] You changed the order of the providers.
    [pin-changed] { $ok ->
        [1] You changed your PIN.
       *[0] The PIN was to be changed, and was not.
    }
    [renamed] { $ok ->
        [1] You renamed a passkey{ audit-at }.
       *[0] A passkey was to be renamed, and was not{ audit-at }.
    }
    [unlocked] { $ok ->
        [1] You agreed to unlock{ audit-at }.
       *[0] Something stayed locked{ audit-at }.
    }
    [pin-chosen] { $ok ->
        [1] You chose a PIN.
       *[0] A PIN was to be chosen, and was not.
    }
    [key-on] You switched the security key on.
    [key-off] You switched the security key off.
    [listed] { $ok ->
        [1] { audit-who } got the list of your passkeys.
       *[0] { audit-who } asked for the list of your passkeys, and did not get it.
    }
    [state] A file of Claviger's could not be used.
    [started] Claviger started.
    [stopped] Claviger ended.
    [repaired] A torn last entry of this record was cut off.
    [broken] This record did not fit together; it begins anew behind this place.
   *[other] { $event }
}
audit-why = { $cause ->
    [cancelled-by-user] you cancelled it
    [cancelled-by-caller] the program cancelled it
    [caller-gone] the program had gone
    [timed-out] the time ran out
    [no-credential] no passkey fitted
    [excluded] there already was a passkey
    [locked-out] too many wrong PINs
    [no-pin] no PIN was chosen
    [no-prompt] nothing was there to ask you with
    [provider-disabled] the provider is turned off
    [provider-locked] the provider stayed locked
    [provider-crashed] the provider stopped
    [provider-hung] the provider did not answer in time
    [provider-unreachable] the provider could not be started
    [provider-refused] the provider refused
    [provider-damaged] the provider's store is damaged
    [provider-unavailable] the provider cannot work
    [answer-rejected] the provider's answer did not fit and was not passed on
    [denied-by-policy] it is not allowed
    [busy] too many requests at once
    [paused] you wanted no question of it for a while
    [verification-unavailable] the part that checks PINs did not answer
    [not-recorded] it could not be recorded
    [state-damaged] the file is damaged
    [executable-changed] its program changed
   *[other] reason: { $cause }
}
audit-evidence = verified by { $method ->
    [pin] PIN
    [fingerprint] fingerprint
    [face] face
   *[other] { $method }
} ({ $tier } tier)
audit-noted = noted: “{ $detail }”
audit-unproved = not proved who asked
audit-unread = An entry that cannot be read.

# About.

warning = Warning
scripted = A script may approve for you: this broker was started with --allow-scripted-prompt, which is for tests only.
troubles = What is broken
nothing-broken = Nothing is broken, as far as Claviger sees
doctor = Look closer
doctor-more = “claviger doctor” in a terminal looks at the installation as well: browsers, extension, services, security key.
open-providers = Open Providers
claviger = Claviger
version-of = Version { $version }
log-has = { $entries ->
    [one] One entry in the record of what happened
   *[other] { $entries } entries in the record of what happened
}
open-activity = Open Activity

# First steps.

first-steps = First steps
first-steps-row = PIN, browsers, and how you get back in
step-pin = Choose a PIN
step-pin-note = You type it when a site wants to know that it is you.
step-browsers = Your browsers
step-browsers-note = They ask Claviger when a site wants a passkey.
step-back = How you get back in
step-back-note = For the day when this computer is lost, or the PIN forgotten.
way-back = There is a recovery code
way-back-more = It sets a new PIN when yours is forgotten or locked: “claviger verify recover” in a terminal. It does not bring back what was on a lost computer: keep another way to sign in at each site, and make backups of your home folder.
no-way-back = Not yet
no-way-back-more = A forgotten PIN loses your passkeys. “claviger verify recovery-code” in a terminal makes a code to write down. For a lost computer there is nothing in this version: keep another way to sign in at each site, and make backups of your home folder.
next = Next
previous = Previous
finish = Done

# What has been done.

done-enabled = It takes part now.
done-disabled = It takes part no more. Its passkeys stay where they are.
done-default = New passkeys go there from now on.
done-order = Providers are offered in this order from now on.
done-rule = It is offered first for { $site }.
done-no-rule = No rule for { $site } any more.
done-locked = Locked.
done-unlocked = Unlocked.
done-key-on = The security key is switched on.
done-key-off = The security key is switched off: programs see none.
done-pin = Your PIN is chosen.
done-pin-changed = Your PIN is changed. Backups from before still open with the old one.
done-renamed = Renamed.
done-hidden = Hidden. It is still in this list.
done-unhidden = It is offered again.
done-deleted = Deleted. The site does not know yet: remove it in your account there too.
