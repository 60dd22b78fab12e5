//! The settings' own words: what they say as codes with arguments, and the catalogues that say it in a language.
//!
//! They stand beside the broker's [`Message`]s and are read by the same [`Messages`]; a further language is a further file in `text/`.

use std::env;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use gtk::glib;
use serde::{Deserialize, Serialize};

/// The catalogues by language.
const CATALOGUES: [(&str, &str); 2] = [("en", include_str!("text/en.ftl")), ("de", include_str!("text/de.ftl"))];

/// Something that the settings say. The sentences stand in `text/en.ftl`, each under its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[allow(missing_docs)] // As for the broker's messages: they would stand twice.
pub enum Text {
    // The window.
    Title {},
    PagePasskeys {},
    PageProviders {},
    PageVerification {},
    PageWaysIn {},
    PageActivity {},
    PageAbout {},
    Back {},
    Reload {},
    Cancel {},
    Waiting {},
    StopWaiting {},
    Unreachable {},
    UnreachableMore {},
    TryAgain {},
    Loading {},

    // Passkeys.
    SearchPasskeys {},
    SortBy {},
    GroupBySite {},
    NoPasskeys {},
    NoPasskeysMore {},
    NoMatch {},
    OrderSite {},
    OrderAccount {},
    OrderLastUsed {},
    OrderCreated {},
    OrderProvider {},
    Passkey {},
    NoAccount {},
    LastUsed {
        time: String,
    },
    NeverUsed {},
    Unknown {},
    Unconfirmed {},
    UnconfirmedMore {},
    FactSite {},
    FactSiteName {},
    FactAccount {},
    FactDisplayName {},
    FactProvider {},
    FactCreated {},
    FactLastUsed {},
    FactCopies {},
    FactFound {},
    FactId {},
    Synced {},
    ThisDeviceOnly {},
    Discoverable {},
    NotDiscoverable {},
    RenameRow {},
    Rename {},
    RenameHeading {},
    NewName {},
    Hidden {},
    HideRow {},
    HideRowMore {},
    Hide {},
    UnhideRow {},
    UnhideRowMore {},
    Unhide {},
    DeleteRow {},
    DeleteRowMore {},
    Delete {},
    DeleteHeading {
        account: String,
        site: String,
    },
    DeleteBody {
        site: String,
    },

    // Providers.
    Keeps {
        count: u64,
    },
    TakesPart {},
    ProviderOn {},
    ProviderOff {},
    IsUnreachable {},
    ProviderLocked {},
    ProviderOpen {},
    Lock {},
    Unlock {},
    IsDefault {},
    NotDefault {},
    MakeDefault {},
    PlaceOf {
        place: u64,
        count: u64,
    },
    PlaceMore {},
    MoveUp {},
    MoveDown {},
    MadeBy {},
    NoProgram {},
    FromPackage {
        package: String,
    },
    NotFromPackage {},
    LastFaults {},
    IsDamaged {},
    IsUnavailable {},
    ManifestProblems {},
    NoProviders {},
    Rules {},
    RulesNote {},
    RemoveRule {},
    AddRuleRow {},
    AddRule {},
    RuleSite {},
    RuleProvider {},

    // Verification.
    Pin {},
    PinSet {},
    PinTries {
        tries_left: u64,
    },
    PinWait {
        seconds: u64,
    },
    PinRestored {},
    PinNotSet {},
    PinNotSetMore {},
    ChoosePin {},
    ChangePin {},
    PinLockedOut {},
    PinLockedOutMore {},
    PinUnknown {},
    Protection {},
    TierSentence {
        tier: String,
    },
    TierMore {
        tier: String,
    },
    RolesProved {},
    RolesUnproved {},
    RolesUnprovedMore {},

    // Ways in.
    Browsers {},
    BrowsersNote {},
    BrowserDoorShut {},
    NoBrowsers {},
    HostFound {},
    HostMissing {},
    HostWritable {},
    SetUp {},
    BrowserSetUp {},
    BrowserNotSetUp {
        file: String,
        problem: String,
    },
    CopyFolder {},
    Copied {},
    LoadExtension {
        folder: Option<String>,
    },
    BrowserByKey {},
    BrowserWithoutKey {},
    KeyCannotShow {},
    KeyDoor {},
    KeyDoorNote {},
    KeyPlugged {},
    KeyListening {},
    KeyOff {},
    KeyUnplugged {},
    KeyNotRunning {},
    KeyWaits {},
    KeyNeedsHelper {},
    KeyStart {},
    KeyDoctor {},
    AllowedPrograms {},
    AllowedNote {},
    AllowedBy {
        file: String,
    },
    AllowedInVain {},

    // Activity.
    SearchActivity {},
    Show {},
    FilterAll {},
    FilterSignIns {},
    FilterChanges {},
    FilterFailures {},
    LogIntact {},
    LogChanged {
        problem: Option<String>,
    },
    NoActivity {},
    Export {},
    ExportName {},
    Exported {},
    NotExported {
        problem: String,
    },
    /// `event`, or what more closely happened, and whether it went well; the rest as far as it is known.
    Audit {
        event: String,
        ok: bool,
        who: Option<String>,
        site: Option<String>,
        provider: Option<String>,
    },
    AuditWhy {
        cause: String,
    },
    AuditEvidence {
        method: String,
        tier: String,
    },
    AuditNoted {
        detail: String,
    },
    AuditUnproved {},
    AuditUnread {},

    // About.
    Warning {},
    Scripted {},
    Troubles {},
    NothingBroken {},
    Doctor {},
    DoctorMore {},
    OpenProviders {},
    Claviger {},
    VersionOf {
        version: String,
    },
    LogHas {
        entries: u64,
    },
    OpenActivity {},

    // First steps.
    FirstSteps {},
    FirstStepsRow {},
    StepPin {},
    StepPinNote {},
    StepBrowsers {},
    StepBrowsersNote {},
    StepBack {},
    StepBackNote {},
    WayBack {},
    WayBackMore {},
    NoWayBack {},
    NoWayBackMore {},
    Next {},
    Previous {},
    Finish {},

    // What has been done.
    DoneEnabled {},
    DoneDisabled {},
    DoneDefault {},
    DoneOrder {},
    DoneRule {
        site: String,
    },
    DoneNoRule {
        site: String,
    },
    DoneLocked {},
    DoneUnlocked {},
    DoneKeyOn {},
    DoneKeyOff {},
    DonePin {},
    DonePinChanged {},
    DoneRenamed {},
    DoneHidden {},
    DoneUnhidden {},
    DoneDeleted {},
}

/// Says everything in the person's language.
pub struct Speech(Messages);

impl Speech {
    /// In the language of this session.
    pub fn of_session() -> Self {
        Self::with(Messages::of_environment(|name| env::var(name).ok()))
    }

    /// In the language of this locale, or else in English.
    pub fn in_language(locale: &str) -> Self {
        Self::with(Messages::in_language(locale))
    }

    fn with(messages: Messages) -> Self {
        Self(messages.with(&CATALOGUES).isolating())
    }

    /// Says it.
    pub fn say(&self, text: &Text) -> String {
        self.0.say(text)
    }

    /// Says what the broker has words for.
    pub fn message(&self, message: &Message) -> String {
        self.0.text(message)
    }

    /// A moment, in milliseconds since the Unix epoch, by the clock on the wall.
    #[allow(clippy::unused_self)] // How a moment is written is the language's, and one day a catalogue's.
    pub fn time(&self, ms: u64) -> String {
        let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
        let moment = glib::DateTime::from_unix_local(seconds).and_then(|moment| moment.format("%F %R"));
        moment.map_or_else(|_| String::new(), |text| text.to_string())
    }
}

#[cfg(test)]
mod tests;
