# What Claviger says to people, in English: plain words, no jargon, and what to do next where there is something.
#
# Each message is named by its code. An argument that is absent is the number 0, so that a language can say it its own way;
# so is what does not hold, and what holds is 1.

# Names. They are used in the messages below too.

program = { $program ->
    [0] A program
   *[other] A program ({ $program })
}
provider = { $provider ->
    [0] The provider
   *[other] { $provider }
}
site = { $site ->
    [0] this site
   *[other] { $site }
}
account = { $account ->
    [0] Account without a name
   *[other] { $account }
}

# What to do where Claviger cannot help.

other-key = To use a security key or a phone, press Claviger's icon in the browser, choose “Use a security key instead”, and try again on the site.

# Titles of questions.

create-title = Create a passkey for { $site }
sign-in-title = Sign in to { $site }
offered-create-title = { $site } offers to sign you in with a passkey from now on. Create one?
related-create-title = { $origin } asks to create a passkey of { $site }
related-sign-in-title = { $origin } asks with the passkey of { $site }
program-create-title = { program } asks to create a passkey for { $site }
program-sign-in-title = { program } asks to sign in to { $site }
use-title = { program } asks for a security key. Use Claviger?
list-title = { program } asks to see the list of all your passkeys
excluded-title = You already have a passkey for { site }
choose-pin-title = Choose a PIN for your passkeys
confirm-pin-title = Confirm the PIN for your passkeys
change-pin-title = Change your PIN: type the present one first
new-pin-title = Choose a new PIN
recovery-code-title = Make a recovery code?
enable-title = Let { $provider } keep your passkeys?
unlock-title = { $provider ->
    [0] Unlock
   *[other] { $more ->
        [0] Unlock { $provider }
       *[other] Unlock { $provider } and { $more } more
    }
}
verify-title = { $provider } wants to know that it is you
delete-title = Delete the passkey “{ account }” for { $site }? You may not be able to sign in with it any more.
rename-title = Rename the passkey “{ account }” for { $site } to “{ $name ->
    [0] Account without a name
   *[other] { $name }
}”?

# What somebody says, in quotation marks and with their name.

provider-says = { $provider } says: “{ $words }”

# What went wrong on a screen that stays.

wrong-pin = That PIN is wrong. { $tries_left ->
    [one] One attempt is left.
   *[other] { $tries_left } attempts are left.
}
wait-seconds = Too many wrong attempts. Wait { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
} before the next one.
wait-minutes = Too many wrong attempts. Wait { $minutes ->
    [one] one minute
   *[other] { $minutes } minutes
} before the next one.
weak-pin = { $reason ->
    [not-a-pin] A PIN has 4 to 127 characters.
    [repetition] This PIN repeats itself: choose one with less of a pattern.
    [sequence] This PIN is a sequence: choose one without regular steps.
    [keyboard-line] This PIN is a line on the keyboard: choose one that jumps about.
    [date] This PIN looks like a date or a year, and those are guessed first.
    [common] This PIN is one of the most used ones.
    [name] This PIN is made of a name of yours or of your computer.
    [pieces] This PIN is made of parts that are guessed first.
   *[other] That PIN is too easy to guess.
}
pin-needed = Enter the PIN to go on.
ticket-gone = The PIN was entered too long ago. Enter it again.
wrong-recovery-code = This is not your recovery code. Look at it again, group by group.
not-a-recovery-code = That is no recovery code: it has seven groups of four.
no-recovery-code = A forgotten PIN loses your passkeys. Make a recovery code: `claviger verify recovery-code`.
choice-needed = Choose one of the entries.
locked = { $provider } is locked. Enter the PIN to unlock it.
excluded = { $provider } already keeps a passkey for this account, and the site wants no second one. Go on to tell it so.

# Notices.

no-passkey-title = No passkey found
no-passkey = { $provider ->
    [0] There is no passkey for { site } on this device.
   *[other] { $provider } has no passkey for { site }, or no longer has it.
}
provider-disabled-title = Provider disabled
provider-disabled = { provider } could help, but it is disabled. Enable it with `claviger provider enable`.
still-locked-title = Still locked
still-locked = { provider } stayed locked. Try again, or unlock it by its own means.
provider-stopped-title = Provider stopped
provider-stopped = { provider } stopped before it answered. Try again.
no-answer-title = No answer
no-answer = { provider } did not answer in time. Try again, or choose another provider.
provider-unreachable-title = Provider not available
provider-unreachable = { provider } could not be started. `claviger doctor` may know why.
provider-busy-title = Provider busy
provider-busy = { provider } is busy. Try again in a moment.
provider-failed-title = Provider failed
provider-failed = { provider } could not do it. The log has the details.
provider-damaged-title = Damaged
provider-damaged = { $reason ->
    [0] { provider } says that what it keeps is damaged.
   *[other] { provider } says that what it keeps is damaged: “{ $reason }”
}
provider-unavailable-title = Not available
provider-unavailable = { $reason ->
    [0] { provider } says that it cannot work now.
   *[other] { provider } says that it cannot work now: “{ $reason }”
}
wrong-answer-title = Wrong answer
wrong-answer = { provider } gave an answer that does not fit the request, so it was not passed on. The log has the details.
ambiguous-title = Which one?
ambiguous = Several providers keep a passkey of that id; choose one with `claviger passkey`.
already-there-title = Already there
already-there = { provider } already keeps a passkey for this account.
not-supported-title = Not supported
not-supported = { $provider ->
    [0] None of your providers supports what { site } asks for. { other-key }
   *[other] { $provider } does not support what { site } asks for.
}
security-key-wanted-title = A security key is wanted
security-key-wanted = { site } wants a security key or a phone, not a passkey of this computer. { other-key }
large-blobs-wanted = { site } wants to store data beside the passkey, which none of your providers can do. { other-key }
unknown-frame-title = A page within a page
unknown-frame = { site } asks from inside another page, and the browser does not say which. Open { site } in a tab of its own, and try again there.
no-passkeys-allowed = { site } accepts only sign-ins that are no passkeys. { other-key }
not-allowed-title = Not allowed
not-allowed = { provider } is not allowed to serve { site }.
pin-locked-title = PIN locked
pin-locked = There were too many wrong PINs in a row, so the PIN is locked.
pin-locked-recover = There were too many wrong PINs in a row, so the PIN is locked. Your recovery code sets a new one, and nothing is lost: `claviger verify recover`.
no-pin-title = No PIN
no-pin = Choose a PIN first, with `claviger setup`.
no-verification-title = Cannot check the PIN
no-verification = The part that checks PINs does not answer. `claviger doctor` may know why.
failed-title = Something went wrong
failed = { $why ->
    [cancelled-by-user] You cancelled it.
    [cancelled-by-caller] The program that asked cancelled its request.
    [caller-gone] The program that asked has gone.
    [timed-out] The time for this request ran out.
    [paused] It asked too often, or you wanted no question of it for a while.
    [not-recorded] It cannot be recorded in the audit log, and nothing is done that is not recorded.
    [no-prompt] There is no prompt to ask with. Start `claviger prompt`.
    [busy] Too many requests are waiting. Try again in a moment.
   *[other] It did not work, by a fault of Claviger's own. The log has the details.
}

# What there is to choose from, beside the names above, and what is said of it.

look-in = Look in { $provider }
display-name = { $name }
disabled-provider = { $provider } (disabled)
replaces-passkey = Replaces the passkey it already keeps for this account
never-confirmed = Never confirmed by the site, which may not know it

# The terminal prompt's own words. The answers to its questions are y and n in every language.

site-field = Site:
page-field = Page:
top-page-field = Inside:
caller-field = Asked by:
account-field = Account:
program-field = Program:
caller = { $program ->
    [0] A program
   *[other] { $program }
}{ $executable ->
    [0] {""}
   *[other] {" "}({ $executable })
}{ $door ->
    [hid] , by the security-key door
   *[other] {""}
}
place = { $provider }{ $locked ->
    [0] {""}
   *[other] , locked
}
idle = Waiting for a site or a program to ask. Ctrl-C ends this prompt.
ask-consent = Go on? [y = yes, n = no, nn = not this one for an hour]
ask-choice = Which one? [1–{ $count }, n = no, nn = not this one for an hour; add ! not to remember it]
answer-unclear = Please answer with one of the numbers, y or n.
ask-close = Press Enter to close this (nn: nothing of this one for an hour).
ask-turn-on = Turn on { $provider }? [y = yes, Enter = no, nn = nothing of this one for an hour]
ask-pin = PIN:
ask-new-pin = New PIN:
ask-pin-again = The same PIN again:
pin-unusable = That was not entered the same way twice, or is no PIN. Once more.
ask-recover = Type r to use your recovery code instead.
ask-recovery-code = Recovery code:
code-mistyped = The code is mistyped. { $group ->
    [0] Look at it again, group by group.
   *[other] Look at group { $group }.
}
prompt-replaced = Another prompt has taken over.
broker-ended = The broker ended ({ $why }). This prompt attaches to the next one.

# The window's own words.

agree = { $to ->
    [create] Create passkey
    [sign-in] Sign in
    [set-pin] Set PIN
    [turn-on] Turn on
    [unlock] Unlock
    [rename] Rename
    [delete] Delete
   *[other] Continue
}
turn-on = Turn on { $provider } …
refuse-button = Cancel
close-button = Close
refuse-for-a-while = Not for an hour
refuse-for-a-while-hint = Cancel, and let nothing of this site or program be asked for an hour
field = { $field ->
    [site] Site
    [page] Page
    [top-page] Inside
    [caller] Asked by
    [account] Account
    [program] Program
    [passkey] Passkey
    [place] Kept in
    [pin] PIN
    [new-pin] New PIN
    [recovery-code] Recovery code
   *[pin-again] The same PIN again
}
named-by-program = A program names this site, not a web page. Nobody has checked that it speaks for it.
remember = Remember for this site
search-choices = Search
nothing-found = Nothing matches
tries-left = { $tries_left ->
    [one] One attempt left
   *[other] { $tries_left } attempts left
}
pin-strength = At least { $guesses } guesses. With a copy of Claviger's files a well-equipped thief needs { $lasts ->
    [moments] less than a minute
    [minutes] { $count ->
        [one] about a minute
       *[other] about { $count } minutes
    }
    [hours] { $count ->
        [one] about an hour
       *[other] about { $count } hours
    }
    [days] { $count ->
        [one] about a day
       *[other] about { $count } days
    }
    [years] { $count ->
        [one] about a year
       *[other] about { $count } years
    }
   *[ages] more than a thousand years
}.
pins-differ = These are two different PINs.
use-recovery-code = { $locked ->
    [0] I forgot my PIN …
   *[other] Use the recovery code …
}
recover-title = Set a new PIN with your recovery code
recover-hint = Your passkeys stay as they are, and what was asked waits.
back-button = Back
code-progress = { $groups ->
    [one] One group of seven is typed
   *[other] { $groups } groups of seven are typed
}
code-foreign = Group { $group } has a character that no recovery code has. There are digits in it and letters, but no U.
code-fits = All seven groups fit together
new-pin-set = The new PIN is set. Enter it to go on.
other-method = { $method ->
    [fingerprint] { $state ->
        [waiting] Touch the fingerprint reader now, if you like
       *[other] Or touch the fingerprint reader
    }
    [face] { $state ->
        [waiting] Looking for your face …
       *[other] Or look into the camera
    }
    [smart-card] Or use your smart card
    [security-key] { $state ->
        [waiting] Touch your security key now
       *[other] Or use a security key
    }
   *[other] Or verify in another way
}
more-waiting = { $count ->
    [one] One more request is waiting
   *[other] { $count } more requests are waiting
}
working = One moment …
done = Done
answer-waits = Claviger waits for your answer. Press here to see the question.

# What enabling a program that runs others means.

program-host = { $host ->
    [interpreter] This program runs scripts. Claviger knows the program and not the script: any script that it runs can pass for this provider.
    [loader] This program loads other programs. Claviger knows the loader only: any program that it loads can pass for this provider.
    [sandbox] This program starts others in a sandbox. Claviger knows the starter only: what runs in any of its sandboxes can pass for this provider.
   *[other] This program runs what others give it, and any of that can pass for this provider.
}

# What is broken: which file, what helps, what works meanwhile.

state-file = { $what ->
    [unconfirmed] The passkeys that no site has confirmed
    [rules] Your rules for sites
    [providers] What you decided about providers
    [request-key] The keys that sign the requests to a provider
    [cache] The list of a provider's passkeys
    [cache-key] The key to the lists of passkeys
    [audit-log] The audit log
    [privileged-callers] The list of programs that may name a web page
    [doors] The doors' settings
    [manifest] A provider's manifest
    [hello] The PIN and what it opens
    [vault] The vault
    [heads] The vault's record of how far this device has seen
    [pinned-keys] The platform's keys, as the vault knows them
    [sequence] The numbers of the last requests, as the vault has seen them
    [folder] A folder of Claviger's
    [clock] The clock, beside what was written before
   *[other] A file of Claviger's
}
trouble-found = { state-file } ({ $file }): { $damage ->
    [missing] it is missing.
    [unusable] it cannot be read or written.
    [not-a-file] it is not what it should be, but a link, a folder, a pipe, a socket or a device.
    [too-large] it is longer than it can be.
    [no-space] the disk is full, or your part of it.
    [malformed] it is damaged: empty, cut off, or something else.
    [later-version] a later version of Claviger wrote it.
    [open-to-others] others may read or change it.
    [behind] it has gone back, by more than a day.
   *[other] something is wrong with it.
}
trouble-remedy = { $damage ->
    [open-to-others] Make it yours alone: `chmod go= { $file }`.
    [no-space] Make room on the disk, or in your part of it, for { $file }.
   *[other] { $what ->
        [rules] { trouble-aside } Set your rules anew: `claviger provider rule`, `claviger provider default`.
        [providers] { trouble-aside } Enable your providers again: `claviger provider enable`.
        [request-key] Put { $file } back from a backup. Without one, move away what is there and `keys.json` in the provider's own state (the vault's: ~/.local/state/claviger/providers/org.claviger.Vault), then log in again: platform and provider get to know each other anew.
        [cache] { trouble-aside } Start the provider, or unlock it: it sends the list again.
        [cache-key] { trouble-aside } Start your providers, or unlock them: they send their lists again.
        [audit-log] { trouble-aside } Make { $file } a file that you may write, on a disk with room.
        [privileged-callers] Make { $file } a text file of yours or root's that nobody else may change, one absolute path on each line.
        [doors] Repair or remove { $file }.
        [manifest] Repair { $file }, or install the provider again.
        [unconfirmed] { trouble-aside } There is nothing to do.
        [hello] Put { $file } back from a backup. Without one the PIN is lost, and the vault opens by nothing else: start over as “Locked out” in SECURITY.md says.
        [vault] Put { $file } back from a backup, then say so with `claviger vault --accept-restored` and run `claviger unlock`. Nothing is made anew in its place by itself.
        [heads] Put { $file } back from a backup, or, if the vault itself is the right one, say so with `claviger vault --accept-restored` and run `claviger unlock`.
        [pinned-keys] { $damage ->
            [missing] Log in again: the vault takes the platform's keys into { $file } anew.
           *[other] Remove { $file }: the vault takes the platform's keys anew when it next starts.
        }
        [sequence] { $damage ->
            [missing] Log in again: the vault begins { $file } anew.
           *[other] Remove { $file }, ten minutes after the last request, and log in again.
        }
        [clock] Set the clock. If it is right, it was ahead when { $file } was written, and there is nothing to do.
        [folder] { trouble-aside } Make { $file } a folder that you may write, on a disk with room.
       *[other] { trouble-aside } Repair { $file }.
    }
}
trouble-aside = { $set_aside ->
    [0] { "" }
   *[other] It was set aside as { $set_aside }; nothing of it is lost.
}
trouble-still-works = Meanwhile: { $damage ->
    [open-to-others] { $what ->
        [hello] passkeys can be listed; nothing that needs the PIN works.
        [privileged-callers] browsers that Claviger knows by itself work; the programs of this list do not.
       *[other] everything works.
    }
   *[other] { $what ->
        [rules] everything works, and you are asked which provider to use.
        [providers] providers that you had enabled take no part until you enable them again; nothing of what they keep is lost.
        [request-key] other providers work; the passkeys of this one cannot be used.
        [cache] sign-ins with that provider work once it runs.
        [cache-key] sign-ins work once their providers run.
        [audit-log] what must be recorded is refused; reading, listing and locking work.
        [privileged-callers] browsers that Claviger knows by itself work; the programs of this list do not.
        [doors] the security-key door stays shut; browsers and the command line work.
        [manifest] other providers work.
        [unconfirmed] everything works; passkeys that their sites never confirmed are not marked.
        [hello] passkeys can be listed; nothing that needs the PIN works.
        [vault] other providers work; the vault's passkeys cannot be used.
        [heads] other providers work; the vault stays closed.
        [pinned-keys] { $damage ->
            [missing] other providers work; the vault answers nobody until then.
           *[other] other providers work; the vault answers nobody.
        }
        [sequence] { $damage ->
            [missing] other providers work; the vault does not start until then.
           *[other] other providers work; the vault does not start.
        }
        [folder] what is not kept there works.
        [clock] everything works, but what waits for a time may wait longer, and the log has wrong times.
       *[other] what does not need it works.
    }
}
