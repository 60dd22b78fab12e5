# Was die Einstellungen sagen, auf Deutsch. Ein Argument, das fehlt, ist die Zahl 0; was zutrifft, ist 1.

# Das Fenster.

title = Claviger
page-passkeys = Passkeys
page-providers = Anbieter
page-verification = Bestätigung
page-ways-in = Zugänge
page-activity = Verlauf
page-about = Über Claviger
back = Zurück
reload = Neu laden
cancel = Abbrechen
waiting = Claviger fragt Sie in einem eigenen Fenster. Bitte antworten Sie dort.
stop-waiting = Nicht mehr warten
unreachable = Claviger antwortet nicht
unreachable-more = Der Dienst ließ sich nicht starten, oder ein anderes Programm gibt sich für ihn aus. „claviger doctor“ in einem Terminal sagt, was fehlt.
try-again = Noch einmal versuchen
loading = Einen Moment …

# Passkeys.

search-passkeys = Websites, Konten, Anbieter suchen
sort-by = Sortieren nach
group-by-site = Nach Website gruppieren
no-passkeys = Noch keine Passkeys
no-passkeys-more = Wenn eine Website anbietet, einen Passkey anzulegen oder Sie künftig damit anzumelden, stimmen Sie zu: Dann steht er hier.
no-match = Nichts gefunden
order-site = Website
order-account = Konto
order-last-used = Zuletzt benutzt
order-created = Neueste
order-provider = Anbieter
passkey = Passkey
no-account = Konto ohne Namen
last-used = zuletzt benutzt { $time }
never-used = nie benutzt
unknown = nicht bekannt
unconfirmed = von der Website nie bestätigt
unconfirmed-more = Der Browser konnte der Seite diesen Passkey nicht übergeben; vielleicht kennt die Website ihn nicht. Der nächste Passkey für dieses Konto ersetzt ihn.
fact-site = Website
fact-site-name = So nennt sich die Website
fact-account = Konto
fact-display-name = Name der Person
fact-provider = Aufbewahrt von
fact-created = Angelegt
fact-last-used = Benutzung
fact-copies = Kopien
fact-found = Wie er gefunden wird
fact-id = Nummer
synced = Synchronisiert: auch auf einem anderen Gerät bekannt
this-device-only = Nur auf diesem Gerät
discoverable = Durch die Website allein; niemand muss das Konto nennen
not-discoverable = Nur wenn die Website ihn nennt
rename-row = Ein anderer Name für das Konto, nur in Ihren Listen
rename = Umbenennen …
rename-heading = Diesen Passkey umbenennen
new-name = Neuer Name
hidden = von Ihnen ausgeblendet
hide-row = Diesen Passkey ausblenden
hide-row-more = Er bleibt, wo er ist, und wird bei keiner Anmeldung angeboten.
hide = Ausblenden
unhide-row = Dieser Passkey ist ausgeblendet
unhide-row-more = Er wird bei keiner Anmeldung angeboten und bleibt, wo er ist.
unhide = Wieder anbieten
delete-row = Diesen Passkey löschen
delete-row-more = Vielleicht können Sie sich dann nicht mehr anmelden, und die Website erfährt nichts davon.
delete = Löschen …
delete-heading = Den Passkey „{ $account }“ für { $site } löschen?
delete-body = Er ist dann endgültig fort: Niemand kann ihn zurückholen, auch Claviger nicht. { $site } erfährt nichts davon und bietet ihn weiter an; entfernen Sie ihn daher auch in Ihrem Konto dort. Stellen Sie vorher sicher, dass Sie sich dort auf anderem Weg anmelden können.

# Anbieter.

keeps = { $count ->
    [0] Bewahrt keine Passkeys auf
    [one] Bewahrt einen Passkey auf
   *[other] Bewahrt { $count } Passkeys auf
}
takes-part = Nimmt teil
provider-on = Websites und Programme dürfen benutzen, was er aufbewahrt.
provider-off = Websites und Programme sehen ihn nicht. Was er aufbewahrt, bleibt, wo es ist. Zum Einschalten brauchen Sie Ihre PIN.
is-unreachable = Er läuft nicht und ließ sich nicht starten. „claviger doctor“ weiß vielleicht, warum.
provider-locked = Gesperrt
provider-open = Offen
lock = Sperren
unlock = Entsperren …
is-default = Neue Passkeys kommen hierher, wenn Sie nichts anderes wählen
not-default = Neue Passkeys kommen anderswohin, wenn Sie nichts anderes wählen
make-default = Für neue Passkeys benutzen
place-of = Nummer { $place } von { $count }
place-more = Anbieter werden in dieser Reihenfolge angeboten, nach dem, was Sie auf einer Website zuletzt und für neue Passkeys benutzen.
move-up = Früher anbieten
move-down = Später anbieten
made-by = Stammt von
from-package = Paket { $package }
not-from-package = Nicht aus einem Paket
no-program = das Programm ist nicht bekannt
last-faults = Was zuletzt mit ihm nicht ging
is-damaged = Er sagt, dass beschädigt ist, was er aufbewahrt
is-unavailable = Er sagt, dass er jetzt nicht arbeiten kann
manifest-problems = Anbieter, die nicht benutzt werden können
no-providers = Es gibt keine Anbieter. „claviger setup“ in einem Terminal bringt den Tresor.
rules = Regeln für Websites
rules-note = Auf diesen Websites wird dieser Anbieter zuerst angeboten, was immer Sie sonst für neue Passkeys benutzen.
remove-rule = Entfernen
add-rule-row = Auf einer bestimmten Website einen Anbieter zuerst anbieten
add-rule = Regel hinzufügen …
rule-site = Website, etwa example.com
rule-provider = Anbieter

# Bestätigung.

pin = PIN
pin-set = Eine PIN ist festgelegt
pin-tries = { $tries_left ->
    [one] Noch ein Versuch, bis sie gesperrt wird
   *[other] Noch { $tries_left } Versuche, bis sie gesperrt wird
}
pin-wait = Der nächste Versuch zählt in { $seconds ->
    [one] einer Sekunde
   *[other] { $seconds } Sekunden
}.
pin-restored = Es fehlen Versuche, weil die Datei aus einer Sicherung zurückgeholt oder hierher verschoben wurde, nicht weil jemand eine falsche PIN eingegeben hat.
pin-not-set = Noch ist keine PIN festgelegt
pin-not-set-more = Ihre PIN zeigt, dass Sie es sind, und öffnet Ihre Passkeys. Sie bleibt auf diesem Computer.
choose-pin = PIN festlegen …
change-pin = PIN ändern …
pin-locked-out = Die PIN ist gesperrt
pin-locked-out-more = Es waren zu viele falsche. Mit dem Wiederherstellungscode setzt „claviger verify recover“ in einem Terminal eine neue; was ohne ihn gilt, steht in SECURITY.md, das zu Claviger gehört.
pin-unknown = Der Teil, der PINs prüft, antwortet nicht
protection = Schutz
tier-sentence = { $tier ->
    [software] Stufe Software: Die PIN schützt Ihre Passkeys vor dem, der den Datenträger ohne sie hat, nicht vor einem Programm, das unter Ihrem Namen läuft.
    [tpm] Stufe TPM: Der Sicherheitschip des Computers zählt die Versuche; eine Kopie des Datenträgers öffnet nichts.
    [system] Stufe System: Ihre Passkeys werden außer Reichweite Ihrer eigenen Programme geöffnet.
   *[other] Stufe { $tier }.
}
tier-more = { $tier ->
    [software] Eine längere PIN schützt besser: Wer die Datei kopiert, kann PINs auf einem anderen Computer ausprobieren. Eine stärkere Stufe gibt es in dieser Version von Claviger nicht.
   *[other] Wovor das schützt und wovor nicht, steht in SECURITY.md, das zu Claviger gehört.
}
roles-proved = Clavigers eigene Teile sind nachweislich die von Claviger
roles-unproved = Clavigers eigene Teile sind nicht nachgewiesen
roles-unproved-more = Es ist nicht für alle Benutzer installiert; ein Programm, das unter Ihrem Namen läuft, könnte sich für einen der Teile ausgeben. Aus einem Paket installiert, bürgt systemd für sie.

# Zugänge.

browsers = Browser
browsers-note = Diese gibt es auf diesem Computer.
browser-door-shut = Claviger antwortet Browsern im Moment nicht. „claviger doctor“ in einem Terminal sagt, warum.
no-browsers = Es wurde kein Browser gefunden, den Claviger kennt.
host-found = Der Browser findet Claviger.
host-missing = Der Browser findet Claviger noch nicht: Rufen Sie „claviger setup“ in einem Terminal auf.
host-writable = Der Browser findet Claviger noch nicht.
set-up = Einrichten
browser-set-up = Der Browser findet Claviger ab seinem nächsten Start.
browser-not-set-up = { $file } lässt sich nicht schreiben: { $problem }
copy-folder = Ordner kopieren
copied = Kopiert.
load-extension = Falls das Symbol noch nicht in der Leiste ist: Öffnen Sie chrome://extensions, schalten Sie den „Entwicklermodus“ ein, drücken Sie „Entpackte Erweiterung laden“ und wählen Sie { $folder ->
    [0] den Ordner, den „claviger setup“ nennt
   *[other] den Ordner { $folder }
}.
browser-by-key = Er benutzt Claviger als Sicherheitsschlüssel.
browser-without-key = Er kann Claviger als Sicherheitsschlüssel benutzen, sobald es den Sicherheitsschlüssel weiter unten gibt.
key-cannot-show = Ein Sicherheitsschlüssel erfährt nicht, welche Seite fragt: Das Programm nennt die Website. Claviger zeigt beide Namen und kann nicht prüfen, ob die Seite zu dieser Website gehört.
key-door = Sicherheitsschlüssel
key-door-note = Programme ohne die Erweiterung, darunter Firefox, können Claviger benutzen, als wäre ein Sicherheitsschlüssel eingesteckt.
key-plugged = Eingesteckt: Jedes Programm kann ihn benutzen
key-listening = Wartet an einem Socket, für Tests
key-off = Ausgeschaltet: Programme sehen keinen Sicherheitsschlüssel
key-unplugged = Im Moment gibt es keinen Sicherheitsschlüssel
key-not-running = Der Sicherheitsschlüssel läuft nicht
key-waits = Eingeschaltet, und wartet auf seinen Helfer
key-needs-helper = Seinen Helfer installiert die Verwaltung des Computers einmal für alle: „sudo claviger setup --system“ in einem Terminal.
key-start = „systemctl --user start claviger-hid-door“ in einem Terminal startet ihn; von der nächsten Anmeldung an startet er von selbst.
key-doctor = „claviger doctor“ in einem Terminal sagt, was er braucht.
allowed-programs = Programme, die eine Website nennen dürfen
allowed-note = Ihnen wird geglaubt, welche Website fragt, wie den Browsern, die Claviger kennt.
allowed-by = Erlaubt durch { $file }. Soll das enden, nehmen Sie seine Zeile aus dieser Datei und melden Sie sich neu an.
allowed-in-vain = Ihm wird trotzdem nicht geglaubt: Andere als Sie und root dürfen es ändern, oder es ist nicht da.

# Verlauf.

search-activity = Suchen, was geschehen ist
show = Anzeigen
filter-all = Alles
filter-sign-ins = Anmeldungen
filter-changes = Änderungen
filter-failures = Was misslang
log-intact = Die Aufzeichnung ist unversehrt: Kein Eintrag wurde geändert oder entfernt.
log-changed = { $problem ->
    [0] Die Aufzeichnung wurde geändert oder beschädigt.
   *[other] Die Aufzeichnung wurde geändert oder beschädigt: { $problem }
}
no-activity = Noch ist nichts geschehen
export = Als Datei speichern …
export-name = claviger-verlauf.jsonl
exported = Gespeichert.
not-exported = Das ließ sich nicht speichern: { $problem }
audit-who = { $who ->
    [0] Ein Programm
   *[other] { $who }
}
audit-site = { $site ->
    [0] eine Website
   *[other] { $site }
}
audit-at = { $provider ->
    [0] {""}
   *[other] {" "}({ $provider })
}
audit-provider = { $provider ->
    [0] Ein Anbieter
   *[other] { $provider }
}
audit = { $event ->
    [create] { $ok ->
        [1] { audit-who } ließ einen Passkey für { audit-site } anlegen{ audit-at }.
       *[0] { audit-who } wollte einen Passkey für { audit-site } und bekam keinen{ audit-at }.
    }
    [get] { $ok ->
        [1] { audit-who } hat Sie bei { audit-site } angemeldet{ audit-at }.
       *[0] { audit-who } wollte Sie bei { audit-site } anmelden und konnte nicht{ audit-at }.
    }
    [verify-user] { $ok ->
        [1] { audit-provider } hat Sie bestätigen lassen.
       *[0] { audit-provider } wollte Sie bestätigt haben, und Sie wurden es nicht.
    }
    [verification] Jemand wurde nicht bestätigt: eine falsche PIN, oder eine zu viel.
    [provider] { $ok ->
        [1] { audit-provider } hat sich geändert: ein- oder ausgeschaltet, gestartet oder mit neuen Schlüsseln.
       *[0] { audit-provider } wurde etwas verweigert.
    }
    [prompt] Ein Fenster oder Terminal wurde zu dem, das Sie fragt.
    [manage] { $ok ->
        [1] In Claviger wurde etwas geändert oder zugestimmt{ audit-at }.
       *[0] In Claviger sollte etwas geändert werden und wurde es nicht{ audit-at }.
    }
    [enabled] { $ok ->
        [1] Sie haben { audit-provider } eingeschaltet.
       *[0] { audit-provider } sollte eingeschaltet werden und wurde es nicht.
    }
    [disabled] { $ok ->
        [1] Sie haben { audit-provider } ausgeschaltet.
       *[0] { audit-provider } sollte ausgeschaltet werden und wurde es nicht.
    }
    [deleted] { $ok ->
        [1] Sie haben einen Passkey gelöscht{ audit-at }.
       *[0] Ein Passkey sollte gelöscht werden und wurde es nicht{ audit-at }.
    }
    [hidden] Sie haben einen Passkey ausgeblendet{ audit-at }.
    [unhidden] Sie lassen einen ausgeblendeten Passkey wieder anbieten{ audit-at }.
    [reordered] Sie haben die Reihenfolge der Anbieter geändert.
    [pin-changed] { $ok ->
        [1] Sie haben Ihre PIN geändert.
       *[0] Die PIN sollte geändert werden und wurde es nicht.
    }
    [renamed] { $ok ->
        [1] Sie haben einen Passkey umbenannt{ audit-at }.
       *[0] Ein Passkey sollte umbenannt werden und wurde es nicht{ audit-at }.
    }
    [unlocked] { $ok ->
        [1] Sie haben dem Entsperren zugestimmt{ audit-at }.
       *[0] Etwas blieb gesperrt{ audit-at }.
    }
    [pin-chosen] { $ok ->
        [1] Sie haben eine PIN festgelegt.
       *[0] Eine PIN sollte festgelegt werden und wurde es nicht.
    }
    [key-on] Sie haben den Sicherheitsschlüssel eingeschaltet.
    [key-off] Sie haben den Sicherheitsschlüssel ausgeschaltet.
    [listed] { $ok ->
        [1] { audit-who } bekam die Liste Ihrer Passkeys.
       *[0] { audit-who } wollte die Liste Ihrer Passkeys und bekam sie nicht.
    }
    [state] Eine Datei von Claviger war nicht zu gebrauchen.
    [started] Claviger startete.
    [stopped] Claviger endete.
    [repaired] Ein abgerissener letzter Eintrag dieser Aufzeichnung wurde abgeschnitten.
    [broken] Diese Aufzeichnung passte nicht zusammen; hinter dieser Stelle beginnt sie neu.
   *[other] Ereignis: { $event }
}
audit-why = { $cause ->
    [cancelled-by-user] Sie haben abgebrochen
    [cancelled-by-caller] das Programm hat abgebrochen
    [caller-gone] das Programm war fort
    [timed-out] die Zeit lief ab
    [no-credential] kein Passkey passte
    [excluded] es gab schon einen Passkey
    [locked-out] zu viele falsche PINs
    [no-pin] keine PIN war festgelegt
    [no-prompt] nichts war da, um Sie zu fragen
    [provider-disabled] der Anbieter ist ausgeschaltet
    [provider-locked] der Anbieter blieb gesperrt
    [provider-crashed] der Anbieter hielt an
    [provider-hung] der Anbieter antwortete nicht rechtzeitig
    [provider-unreachable] der Anbieter ließ sich nicht starten
    [provider-refused] der Anbieter lehnte ab
    [provider-damaged] beschädigt ist, was der Anbieter aufbewahrt
    [provider-unavailable] der Anbieter kann nicht arbeiten
    [answer-rejected] die Antwort des Anbieters passte nicht und wurde nicht weitergegeben
    [denied-by-policy] das ist nicht erlaubt
    [busy] zu viele Anfragen zugleich
    [paused] Sie wollten eine Weile keine Frage davon
    [verification-unavailable] der Teil, der PINs prüft, antwortete nicht
    [not-recorded] es ließ sich nicht aufzeichnen
    [state-damaged] die Datei ist beschädigt
    [executable-changed] das Programm hat sich geändert
   *[other] Grund: { $cause }
}
audit-evidence = bestätigt durch { $method ->
    [pin] PIN
    [fingerprint] Fingerabdruck
    [face] Gesicht
   *[other] { $method }
} (Stufe { $tier })
audit-noted = vermerkt: „{ $detail }“
audit-unproved = nicht nachgewiesen, wer fragte
audit-unread = Ein Eintrag, der nicht zu lesen ist.

# Über.

warning = Warnung
scripted = Ein Skript darf für Sie zustimmen: Dieser Broker wurde mit --allow-scripted-prompt gestartet, was nur für Tests ist.
troubles = Was nicht in Ordnung ist
nothing-broken = Soweit Claviger sieht, ist alles in Ordnung
doctor = Genauer nachsehen
doctor-more = „claviger doctor“ in einem Terminal sieht sich auch die Installation an: Browser, Erweiterung, Dienste, Sicherheitsschlüssel.
open-providers = Zu den Anbietern
claviger = Claviger
version-of = Fassung { $version }
log-has = { $entries ->
    [one] Ein Eintrag in der Aufzeichnung dessen, was geschah
   *[other] { $entries } Einträge in der Aufzeichnung dessen, was geschah
}
open-activity = Zum Verlauf

# Erste Schritte.

first-steps = Erste Schritte
first-steps-row = PIN, Browser, und wie Sie wieder hineinkommen
step-pin = Legen Sie eine PIN fest
step-pin-note = Sie geben sie ein, wenn eine Website wissen will, dass Sie es sind.
step-browsers = Ihre Browser
step-browsers-note = Sie fragen Claviger, wenn eine Website einen Passkey will.
step-back = Wie Sie wieder hineinkommen
step-back-note = Für den Tag, an dem dieser Computer verloren geht oder die PIN vergessen ist.
way-back = Es gibt einen Wiederherstellungscode
way-back-more = Er setzt eine neue PIN, wenn Ihre vergessen oder gesperrt ist: „claviger verify recover“ in einem Terminal. Was auf einem verlorenen Computer war, bringt er nicht zurück: Behalten Sie bei jeder Website einen anderen Weg zur Anmeldung, und sichern Sie Ihren persönlichen Ordner.
no-way-back = Noch nicht
no-way-back-more = Mit einer vergessenen PIN sind Ihre Passkeys verloren. „claviger verify recovery-code“ in einem Terminal macht einen Code zum Aufschreiben. Für einen verlorenen Computer hat diese Version nichts: Behalten Sie bei jeder Website einen anderen Weg zur Anmeldung, und sichern Sie Ihren persönlichen Ordner.
next = Weiter
previous = Zurück
finish = Fertig

# Was getan ist.

done-enabled = Er nimmt jetzt teil.
done-disabled = Er nimmt nicht mehr teil. Seine Passkeys bleiben, wo sie sind.
done-default = Neue Passkeys kommen von jetzt an dorthin.
done-order = Anbieter werden von jetzt an in dieser Reihenfolge angeboten.
done-rule = Er wird für { $site } zuerst angeboten.
done-no-rule = Für { $site } gibt es keine Regel mehr.
done-locked = Gesperrt.
done-unlocked = Entsperrt.
done-key-on = Der Sicherheitsschlüssel ist eingeschaltet.
done-key-off = Der Sicherheitsschlüssel ist ausgeschaltet: Programme sehen keinen.
done-pin = Ihre PIN ist festgelegt.
done-pin-changed = Ihre PIN ist geändert. Sicherungen von vorher lassen sich noch mit der alten öffnen.
done-renamed = Umbenannt.
done-hidden = Ausgeblendet. In dieser Liste steht er noch.
done-unhidden = Er wird wieder angeboten.
done-deleted = Gelöscht. Die Website weiß es noch nicht: Entfernen Sie ihn auch in Ihrem Konto dort.
