# Was Claviger den Leuten sagt, auf Deutsch: einfache Worte, und was als Nächstes zu tun ist, wo es etwas zu tun gibt.
#
# Jede Meldung heißt nach ihrem Code. Ein Argument, das fehlt, ist die Zahl 0; auch, was nicht zutrifft. Was zutrifft, ist 1.

# Namen. Sie kommen auch in den Meldungen darunter vor.

program = { $program ->
    [0] Ein Programm
   *[other] Ein Programm ({ $program })
}
provider = { $provider ->
    [0] Der Anbieter
   *[other] { $provider }
}
site = { $site ->
    [0] diese Website
   *[other] { $site }
}
account = { $account ->
    [0] Konto ohne Namen
   *[other] { $account }
}

# Was zu tun ist, wo Claviger nicht helfen kann.

other-key = Für einen Sicherheitsschlüssel oder ein Telefon: im Browser auf Clavigers Symbol drücken, „Use a security key instead“ wählen und es auf der Website noch einmal versuchen.

# Titel von Fragen.

create-title = Passkey für { $site } anlegen
sign-in-title = Bei { $site } anmelden
offered-create-title = { $site } bietet an, Sie künftig mit einem Passkey anzumelden. Einen anlegen?
related-create-title = { $origin } möchte einen Passkey von { $site } anlegen
related-sign-in-title = { $origin } fragt nach dem Passkey von { $site }
program-create-title = { program } möchte einen Passkey für { $site } anlegen
program-sign-in-title = { program } möchte sich bei { $site } anmelden
use-title = { program } fragt nach einem Sicherheitsschlüssel. Claviger verwenden?
list-title = { program } möchte die Liste aller Ihrer Passkeys sehen
excluded-title = Sie haben schon einen Passkey für { site }
choose-pin-title = Wählen Sie eine PIN für Ihre Passkeys
confirm-pin-title = Bestätigen Sie die PIN für Ihre Passkeys
change-pin-title = PIN ändern: geben Sie zuerst die jetzige ein
new-pin-title = Wählen Sie eine neue PIN
recovery-code-title = Einen Wiederherstellungscode anlegen?
enable-title = Soll { $provider } Ihre Passkeys aufbewahren?
unlock-title = { $provider ->
    [0] Entsperren
   *[other] { $more ->
        [0] { $provider } entsperren
       *[other] { $provider } und { $more } weitere entsperren
    }
}
verify-title = { $provider } möchte wissen, dass Sie es sind
delete-title = Den Passkey „{ account }“ für { $site } löschen? Vielleicht können Sie sich danach dort nicht mehr anmelden.
rename-title = Den Passkey „{ account }“ für { $site } umbenennen in „{ $name ->
    [0] Konto ohne Namen
   *[other] { $name }
}“?

# Was jemand sagt, in Anführungszeichen und mit Namen.

provider-says = { $provider } sagt: „{ $words }“

# Was auf einem Bild misslang, das stehen bleibt.

wrong-pin = Diese PIN ist falsch. { $tries_left ->
    [one] Ein Versuch bleibt.
   *[other] { $tries_left } Versuche bleiben.
}
wait-seconds = Zu viele falsche Versuche. Der nächste geht in { $seconds ->
    [one] einer Sekunde
   *[other] { $seconds } Sekunden
}.
wait-minutes = Zu viele falsche Versuche. Der nächste geht in { $minutes ->
    [one] einer Minute
   *[other] { $minutes } Minuten
}.
weak-pin = { $reason ->
    [not-a-pin] Eine PIN hat 4 bis 127 Zeichen.
    [repetition] Diese PIN wiederholt sich: wählen Sie eine mit weniger Muster.
    [sequence] Diese PIN ist eine Reihe: wählen Sie eine ohne gleiche Schritte.
    [keyboard-line] Diese PIN ist eine Linie auf der Tastatur: wählen Sie eine, die springt.
    [date] Diese PIN sieht nach einem Datum oder Jahr aus, und die werden zuerst geraten.
    [common] Diese PIN ist eine der häufigsten.
    [name] Diese PIN besteht aus einem Namen von Ihnen oder Ihrem Rechner.
    [pieces] Diese PIN besteht aus Teilen, die zuerst geraten werden.
   *[other] Diese PIN ist zu leicht zu raten.
}
pin-needed = Geben Sie die PIN ein, um fortzufahren.
ticket-gone = Die PIN wurde vor zu langer Zeit eingegeben. Geben Sie sie noch einmal ein.
wrong-recovery-code = Das ist nicht Ihr Wiederherstellungscode. Sehen Sie ihn noch einmal an, Gruppe für Gruppe.
not-a-recovery-code = Das ist kein Wiederherstellungscode: Er hat sieben Gruppen zu vier Zeichen.
no-recovery-code = Wer die PIN vergisst, verliert die Passkeys. Legen Sie einen Wiederherstellungscode an: `claviger verify recovery-code`.
choice-needed = Wählen Sie einen der Einträge.
locked = { $provider } ist gesperrt. Geben Sie die PIN ein, um zu entsperren.
excluded = { $provider } hat schon einen Passkey für dieses Konto, und die Website möchte keinen zweiten. Mit „Weiter“ erfährt sie das.

# Hinweise.

no-passkey-title = Kein Passkey gefunden
no-passkey = { $provider ->
    [0] Auf diesem Gerät gibt es keinen Passkey für { site }.
   *[other] { $provider } hat keinen Passkey für { site }, oder keinen mehr.
}
provider-disabled-title = Anbieter ausgeschaltet
provider-disabled = { provider } könnte helfen, ist aber ausgeschaltet. Einschalten: `claviger provider enable`.
still-locked-title = Noch gesperrt
still-locked = { provider } blieb gesperrt. Versuchen Sie es noch einmal, oder entsperren Sie auf dem eigenen Weg des Anbieters.
provider-stopped-title = Anbieter beendet
provider-stopped = { provider } endete, bevor eine Antwort kam. Versuchen Sie es noch einmal.
no-answer-title = Keine Antwort
no-answer = { provider } antwortete nicht rechtzeitig. Versuchen Sie es noch einmal, oder wählen Sie einen anderen Anbieter.
provider-unreachable-title = Anbieter nicht da
provider-unreachable = { provider } ließ sich nicht starten. `claviger doctor` weiß vielleicht, warum.
provider-busy-title = Anbieter beschäftigt
provider-busy = { provider } ist beschäftigt. Versuchen Sie es gleich noch einmal.
provider-failed-title = Misslungen
provider-failed = { provider } konnte es nicht. Näheres steht im Protokoll.
provider-damaged-title = Beschädigt
provider-damaged = { $reason ->
    [0] { provider } sagt, dass das Aufbewahrte beschädigt ist.
   *[other] { provider } sagt, dass das Aufbewahrte beschädigt ist: „{ $reason }“
}
provider-unavailable-title = Nicht verfügbar
provider-unavailable = { $reason ->
    [0] { provider } sagt, dass es jetzt nicht geht.
   *[other] { provider } sagt, dass es jetzt nicht geht: „{ $reason }“
}
wrong-answer-title = Falsche Antwort
wrong-answer = { provider } gab eine Antwort, die nicht zur Frage passt; sie wurde nicht weitergegeben. Näheres steht im Protokoll.
ambiguous-title = Welcher?
ambiguous = Mehrere Anbieter haben einen Passkey mit dieser Kennung; wählen Sie einen mit `claviger passkey`.
already-there-title = Schon da
already-there = { provider } hat schon einen Passkey für dieses Konto.
not-supported-title = Nicht unterstützt
not-supported = { $provider ->
    [0] Keiner Ihrer Anbieter kann, was { site } verlangt. { other-key }
   *[other] { $provider } kann nicht, was { site } verlangt.
}
security-key-wanted-title = Ein Sicherheitsschlüssel wird verlangt
security-key-wanted = { site } verlangt einen Sicherheitsschlüssel oder ein Telefon, keinen Passkey dieses Rechners. { other-key }
large-blobs-wanted = { site } möchte Daten neben dem Passkey ablegen, und das kann keiner Ihrer Anbieter. { other-key }
unknown-frame-title = Eine Seite in einer Seite
unknown-frame = { site } fragt aus einer anderen Seite heraus, und der Browser sagt nicht, aus welcher. Öffnen Sie { site } in einem eigenen Tab, und versuchen Sie es dort noch einmal.
no-passkeys-allowed = { site } nimmt nur Anmeldungen an, die keine Passkeys sind. { other-key }
not-allowed-title = Nicht erlaubt
not-allowed = { provider } darf { site } nicht bedienen.
pin-locked-title = PIN gesperrt
pin-locked = Zu oft nacheinander war die PIN falsch; sie ist gesperrt.
pin-locked-recover = Zu oft nacheinander war die PIN falsch; sie ist gesperrt. Ihr Wiederherstellungscode setzt eine neue, und nichts geht verloren: `claviger verify recover`.
no-pin-title = Keine PIN
no-pin = Wählen Sie zuerst eine PIN, mit `claviger setup`.
no-verification-title = Die PIN lässt sich nicht prüfen
no-verification = Der Teil, der PINs prüft, antwortet nicht. `claviger doctor` weiß vielleicht, warum.
failed-title = Etwas ging schief
failed = { $why ->
    [cancelled-by-user] Sie haben es abgebrochen.
    [cancelled-by-caller] Das Programm, das fragte, hat seine Frage zurückgezogen.
    [caller-gone] Das Programm, das fragte, ist nicht mehr da.
    [timed-out] Die Zeit für diese Frage ist um.
    [paused] Es wurde zu oft gefragt, oder Sie wollten eine Zeit lang keine Frage davon.
    [not-recorded] Es lässt sich nicht ins Protokoll schreiben, und was nicht darin steht, geschieht nicht.
    [no-prompt] Es gibt nichts, womit gefragt werden kann. Starten Sie `claviger prompt`.
    [busy] Zu viele Fragen warten. Versuchen Sie es gleich noch einmal.
   *[other] Es ging nicht, durch einen Fehler in Claviger selbst. Näheres steht im Protokoll.
}

# Was es zu wählen gibt, neben den Namen oben, und was dazu gesagt wird.

look-in = In { $provider } suchen
display-name = { $name }
disabled-provider = { $provider } (ausgeschaltet)
replaces-passkey = Ersetzt den Passkey, den es dort für dieses Konto schon gibt
never-confirmed = Von der Website nie bestätigt; vielleicht kennt sie ihn nicht

# Die eigenen Worte der Frage im Terminal. Geantwortet wird mit y und n in jeder Sprache.

site-field = Website:
page-field = Seite:
top-page-field = In:
caller-field = Es fragt:
account-field = Konto:
program-field = Programm:
caller = { $program ->
    [0] Ein Programm
   *[other] { $program }
}{ $executable ->
    [0] {""}
   *[other] {" "}({ $executable })
}{ $door ->
    [hid] , über die Tür für Sicherheitsschlüssel
   *[other] {""}
}
place = { $provider }{ $locked ->
    [0] {""}
   *[other] , gesperrt
}
idle = Wartet, bis eine Website oder ein Programm fragt. Strg-C beendet das Fragen.
ask-consent = Weiter? [y = ja, n = nein, nn = davon eine Stunde lang nichts]
ask-choice = Welcher? [1–{ $count }, n = nein, nn = davon eine Stunde lang nichts; mit ! nicht merken]
answer-unclear = Bitte mit einer der Zahlen, y oder n antworten.
ask-close = Eingabetaste schließt (nn: davon eine Stunde lang nichts).
ask-turn-on = { $provider } einschalten? [y = ja, Eingabe = nein, nn = eine Stunde lang nichts davon]
ask-pin = PIN:
ask-new-pin = Neue PIN:
ask-pin-again = Dieselbe PIN noch einmal:
pin-unusable = Das war nicht zweimal dasselbe, oder keine PIN. Noch einmal.
ask-recover = Mit r den Wiederherstellungscode verwenden.
ask-recovery-code = Wiederherstellungscode:
code-mistyped = Der Code ist falsch abgetippt. { $group ->
    [0] Sehen Sie ihn noch einmal an, Gruppe für Gruppe.
   *[other] Sehen Sie Gruppe { $group } an.
}
prompt-replaced = Ein anderes Programm fragt jetzt.
broker-ended = Der Broker endete ({ $why }). Gefragt wird wieder, sobald der nächste da ist.

# Die eigenen Worte des Fensters.

agree = { $to ->
    [create] Passkey anlegen
    [sign-in] Anmelden
    [set-pin] PIN setzen
    [turn-on] Einschalten
    [unlock] Entsperren
    [rename] Umbenennen
    [delete] Löschen
   *[other] Weiter
}
turn-on = { $provider } einschalten …
refuse-button = Abbrechen
close-button = Schließen
refuse-for-a-while = Eine Stunde lang nicht
refuse-for-a-while-hint = Abbrechen, und von dieser Website oder diesem Programm eine Stunde lang nichts gefragt werden
field = { $field ->
    [site] Website
    [page] Seite
    [top-page] In
    [caller] Es fragt
    [account] Konto
    [program] Programm
    [passkey] Passkey
    [place] Aufbewahrt in
    [pin] PIN
    [new-pin] Neue PIN
    [recovery-code] Wiederherstellungscode
   *[pin-again] Dieselbe PIN noch einmal
}
named-by-program = Ein Programm nennt diese Website, keine Webseite. Niemand hat geprüft, ob es für sie spricht.
remember = Für diese Website merken
search-choices = Suchen
nothing-found = Nichts passt
tries-left = { $tries_left ->
    [one] Noch ein Versuch
   *[other] Noch { $tries_left } Versuche
}
pin-strength = Mindestens { $guesses } Versuche. Mit einer Kopie von Clavigers Dateien braucht ein gut ausgerüsteter Dieb { $lasts ->
    [moments] weniger als eine Minute
    [minutes] { $count ->
        [one] etwa eine Minute
       *[other] etwa { $count } Minuten
    }
    [hours] { $count ->
        [one] etwa eine Stunde
       *[other] etwa { $count } Stunden
    }
    [days] { $count ->
        [one] etwa einen Tag
       *[other] etwa { $count } Tage
    }
    [years] { $count ->
        [one] etwa ein Jahr
       *[other] etwa { $count } Jahre
    }
   *[ages] mehr als tausend Jahre
}.
pins-differ = Das sind zwei verschiedene PINs.
use-recovery-code = { $locked ->
    [0] PIN vergessen …
   *[other] Wiederherstellungscode verwenden …
}
recover-title = Mit dem Wiederherstellungscode eine neue PIN setzen
recover-hint = Die Passkeys bleiben, wie sie sind, und die Frage wartet so lange.
back-button = Zurück
code-progress = { $groups ->
    [one] Eine Gruppe von sieben ist eingegeben
   *[other] { $groups } Gruppen von sieben sind eingegeben
}
code-foreign = Gruppe { $group } hat ein Zeichen, das in keinem Wiederherstellungscode steht: Er hat Ziffern und Buchstaben, aber kein U.
code-fits = Alle sieben Gruppen passen zusammen
new-pin-set = Die neue PIN ist gesetzt. Geben Sie sie ein, dann geht es weiter.
other-method = { $method ->
    [fingerprint] { $state ->
        [waiting] Sie können jetzt den Fingerabdruckleser berühren
       *[other] Oder den Fingerabdruckleser berühren
    }
    [face] { $state ->
        [waiting] Ihr Gesicht wird gesucht …
       *[other] Oder in die Kamera sehen
    }
    [smart-card] Oder die Chipkarte verwenden
    [security-key] { $state ->
        [waiting] Berühren Sie jetzt Ihren Sicherheitsschlüssel
       *[other] Oder einen Sicherheitsschlüssel verwenden
    }
   *[other] Oder auf andere Weise bestätigen
}
more-waiting = { $count ->
    [one] Eine weitere Frage wartet
   *[other] { $count } weitere Fragen warten
}
working = Einen Augenblick …
done = Erledigt
answer-waits = Claviger wartet auf Ihre Antwort. Hier drücken, um die Frage zu sehen.

# Was es heißt, ein Programm zuzulassen, das andere ausführt.

program-host = { $host ->
    [interpreter] Dieses Programm führt Skripte aus. Claviger kennt das Programm und nicht das Skript: jedes, das darin läuft, kann sich als dieser Anbieter ausgeben.
    [loader] Dieses Programm lädt andere Programme. Claviger kennt nur den Lader: jedes Programm, das er lädt, kann sich als dieser Anbieter ausgeben.
    [sandbox] Dieses Programm startet andere in einer Sandbox. Claviger kennt nur den Starter: was in irgendeiner seiner Sandboxen läuft, kann sich als dieser Anbieter ausgeben.
   *[other] Dieses Programm führt aus, was andere ihm geben, und all das kann sich als dieser Anbieter ausgeben.
}

# Was beschädigt ist: welche Datei, was hilft, was inzwischen geht.

state-file = { $what ->
    [unconfirmed] Die Passkeys, die keine Website bestätigt hat
    [rules] Ihre Regeln für Websites
    [providers] Was Sie über Anbieter entschieden haben
    [request-key] Die Schlüssel, die Anfragen an einen Anbieter unterschreiben
    [cache] Die Liste der Passkeys eines Anbieters
    [cache-key] Der Schlüssel zu den Listen der Passkeys
    [audit-log] Das Protokoll
    [privileged-callers] Die Liste der Programme, die eine Webseite nennen dürfen
    [doors] Die Einstellungen der Türen
    [manifest] Das Manifest eines Anbieters
    [hello] Die PIN und was sie öffnet
    [vault] Der Tresor
    [heads] Was der Tresor davon weiß, wie weit dieses Gerät ist
    [pinned-keys] Die Schlüssel der Plattform, wie der Tresor sie kennt
    [sequence] Die Nummern der letzten Anfragen, wie der Tresor sie kennt
    [folder] Ein Ordner von Claviger
    [clock] Die Uhr, neben dem, was früher geschrieben wurde
   *[other] Eine Datei von Claviger
}
trouble-found = { state-file } ({ $file }): { $damage ->
    [missing] fehlt.
    [unusable] lässt sich nicht lesen oder schreiben.
    [not-a-file] nicht, was es sein sollte, sondern ein Verweis, ein Ordner, eine Pipe, ein Socket oder ein Gerät.
    [too-large] länger, als es sein kann.
    [no-space] die Platte ist voll, oder Ihr Teil davon.
    [malformed] beschädigt: leer, abgeschnitten oder etwas anderes.
    [later-version] von einer späteren Version von Claviger geschrieben.
    [open-to-others] andere können es lesen oder ändern.
    [behind] zurückgegangen, um mehr als einen Tag.
   *[other] etwas stimmt nicht damit.
}
trouble-remedy = { $damage ->
    [open-to-others] Machen Sie es zu Ihrem allein: `chmod go= { $file }`.
    [no-space] Schaffen Sie auf der Platte oder in Ihrem Teil davon Platz für { $file }.
   *[other] { $what ->
        [rules] { trouble-aside } Setzen Sie Ihre Regeln neu: `claviger provider rule`, `claviger provider default`.
        [providers] { trouble-aside } Schalten Sie Ihre Anbieter wieder ein: `claviger provider enable`.
        [request-key] Spielen Sie { $file } aus einer Sicherung ein. Ohne eine: bewegen Sie, was dort liegt, und `keys.json` im Zustand des Anbieters selbst (beim Tresor: ~/.local/state/claviger/providers/org.claviger.Vault) beiseite und melden Sie sich neu an: Plattform und Anbieter lernen sich neu kennen.
        [cache] { trouble-aside } Starten oder entsperren Sie den Anbieter: er schickt die Liste wieder.
        [cache-key] { trouble-aside } Starten oder entsperren Sie Ihre Anbieter: sie schicken ihre Listen wieder.
        [audit-log] { trouble-aside } Machen Sie { $file } zu einer Datei, die Sie schreiben können, auf einer Platte mit Platz.
        [privileged-callers] Machen Sie { $file } zu einer Textdatei, die Ihnen oder root gehört und die sonst niemand ändern kann, mit einem absoluten Pfad in jeder Zeile.
        [doors] Reparieren oder entfernen Sie { $file }.
        [manifest] Reparieren Sie { $file }, oder installieren Sie den Anbieter neu.
        [unconfirmed] { trouble-aside } Es ist nichts zu tun.
        [hello] Spielen Sie { $file } aus einer Sicherung ein. Ohne eine ist die PIN verloren, und sonst öffnet nichts den Tresor: beginnen Sie neu, wie es „Locked out“ in SECURITY.md sagt.
        [vault] Spielen Sie { $file } aus einer Sicherung ein, sagen Sie es mit `claviger vault --accept-restored` und rufen Sie `claviger unlock` auf. An seiner Stelle entsteht nichts von selbst.
        [heads] Spielen Sie { $file } aus einer Sicherung ein, oder sagen Sie, wenn der Tresor selbst der richtige ist, das mit `claviger vault --accept-restored` und rufen Sie `claviger unlock` auf.
        [pinned-keys] { $damage ->
            [missing] Melden Sie sich neu an: der Tresor nimmt die Schlüssel der Plattform neu in { $file } auf.
           *[other] Entfernen Sie { $file }: beim nächsten Start nimmt der Tresor die Schlüssel der Plattform neu an.
        }
        [sequence] { $damage ->
            [missing] Melden Sie sich neu an: der Tresor beginnt { $file } neu.
           *[other] Entfernen Sie { $file }, zehn Minuten nach der letzten Anfrage, und melden Sie sich neu an.
        }
        [clock] Stellen Sie die Uhr. Geht sie richtig, so ging sie vor, als { $file } geschrieben wurde, und es ist nichts zu tun.
        [folder] { trouble-aside } Machen Sie { $file } zu einem Ordner, den Sie schreiben können, auf einer Platte mit Platz.
       *[other] { trouble-aside } Reparieren Sie { $file }.
    }
}
trouble-aside = { $set_aside ->
    [0] { "" }
   *[other] Es wurde als { $set_aside } beiseitegelegt; nichts davon ist verloren.
}
trouble-still-works = Inzwischen: { $damage ->
    [open-to-others] { $what ->
        [hello] Passkeys lassen sich auflisten; was die PIN braucht, geht nicht.
        [privileged-callers] Browser, die Claviger von selbst kennt, gehen; die Programme dieser Liste nicht.
       *[other] alles geht.
    }
   *[other] { $what ->
        [rules] alles geht, und Sie werden gefragt, welcher Anbieter es sein soll.
        [providers] Anbieter, die eingeschaltet waren, bleiben aus, bis Sie sie wieder einschalten; nichts von dem, was sie haben, ist verloren.
        [request-key] andere Anbieter gehen; die Passkeys von diesem nicht.
        [cache] Anmeldungen mit diesem Anbieter gehen, sobald er läuft.
        [cache-key] Anmeldungen gehen, sobald ihre Anbieter laufen.
        [audit-log] was ins Protokoll muss, wird verweigert; Lesen, Auflisten und Sperren geht.
        [privileged-callers] Browser, die Claviger von selbst kennt, gehen; die Programme dieser Liste nicht.
        [doors] die Tür für Sicherheitsschlüssel bleibt zu; Browser und Befehlszeile gehen.
        [manifest] andere Anbieter gehen.
        [unconfirmed] alles geht; Passkeys, die ihre Website nie bestätigt hat, sind nicht gekennzeichnet.
        [hello] Passkeys lassen sich auflisten; was die PIN braucht, geht nicht.
        [vault] andere Anbieter gehen; die Passkeys des Tresors nicht.
        [heads] andere Anbieter gehen; der Tresor bleibt zu.
        [pinned-keys] { $damage ->
            [missing] andere Anbieter gehen; der Tresor antwortet bis dahin niemandem.
           *[other] andere Anbieter gehen; der Tresor antwortet niemandem.
        }
        [sequence] { $damage ->
            [missing] andere Anbieter gehen; der Tresor startet bis dahin nicht.
           *[other] andere Anbieter gehen; der Tresor startet nicht.
        }
        [folder] was nicht darin liegt, geht.
        [clock] alles geht; was auf eine Zeit wartet, wartet vielleicht länger, und im Protokoll stehen falsche Zeiten.
       *[other] was es nicht braucht, geht.
    }
}
