//! What the platform says to people, as codes with arguments.
//!
//! The broker says *what*, a prompt says *how*: a [`Message`] travels in the view, and [`Messages`](crate::messages::Messages) turns
//! it into a sentence of the user's language. No argument is a sentence; those that others chose are sanitised before they get
//! here. An argument that is absent stands for something without a name, for which each language has words of its own.

use serde::{Deserialize, Serialize};

use crate::manage::ProgramHost;
use crate::trouble::{Damage, StateFile};

/// What a screen's button agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Make a passkey.
    Create,
    /// Use one.
    SignIn,
    /// Have the PIN that was typed from now on.
    SetPin,
    /// Let a provider take part.
    TurnOn,
    /// Open a provider.
    Unlock,
    /// Give a passkey another name.
    Rename,
    /// Remove a passkey.
    Delete,
    /// Whatever else the title asks.
    Continue,
}

/// How long a PIN keeps somebody busy who has a copy of hello's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasts {
    /// Less than a minute.
    Moments,
    /// Less than an hour.
    Minutes,
    /// Less than a day.
    Hours,
    /// Less than a year.
    Days,
    /// Up to a thousand years.
    Years,
    /// More than that.
    Ages,
}

/// What is named on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The site.
    Site,
    /// The page that asks.
    Page,
    /// The page around that one.
    TopPage,
    /// The program that asks.
    Caller,
    /// The account.
    Account,
    /// The program of a provider.
    Program,
    /// The passkey that is used, or the list to choose it from.
    Passkey,
    /// Where a new passkey goes, or the list to choose that from.
    Place,
    /// The PIN.
    Pin,
    /// The PIN to be.
    NewPin,
    /// The same once more.
    PinAgain,
    /// The recovery code.
    RecoveryCode,
}

/// A sentence or two, not yet in any language. The JSON form is an object: `code`, and the arguments beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[allow(missing_docs)] // The sentences stand in messages/en.ftl, each under its code; here they would stand twice.
pub enum Message {
    // Titles of questions.
    CreateTitle {
        site: String,
    },
    SignInTitle {
        site: String,
    },
    OfferedCreateTitle {
        site: String,
    },
    /// `origin` is a site that `site` lists as related.
    RelatedCreateTitle {
        origin: String,
        site: String,
    },
    RelatedSignInTitle {
        origin: String,
        site: String,
    },
    ProgramCreateTitle {
        program: Option<String>,
        site: String,
    },
    ProgramSignInTitle {
        program: Option<String>,
        site: String,
    },
    UseTitle {
        program: Option<String>,
    },
    ListTitle {
        program: Option<String>,
    },
    ExcludedTitle {
        site: Option<String>,
    },
    ChoosePinTitle {},
    ConfirmPinTitle {},
    ChangePinTitle {},
    NewPinTitle {},
    RecoveryCodeTitle {},
    EnableTitle {
        provider: String,
    },
    /// `more` counts the providers beside the one that is named.
    UnlockTitle {
        provider: Option<String>,
        more: usize,
    },
    VerifyTitle {
        provider: String,
    },
    DeleteTitle {
        account: Option<String>,
        site: String,
    },
    RenameTitle {
        account: Option<String>,
        site: String,
        name: Option<String>,
    },

    // What somebody says, in quotation marks and with their name.
    ProviderSays {
        provider: String,
        words: String,
    },

    // What went wrong on a screen that stays.
    WrongPin {
        tries_left: u32,
    },
    WaitSeconds {
        seconds: u64,
    },
    WaitMinutes {
        minutes: u64,
    },
    /// `reason` is hello's code for it.
    WeakPin {
        reason: String,
    },
    PinNeeded {},
    TicketGone {},
    ChoiceNeeded {},
    Locked {
        provider: String,
    },
    Excluded {
        provider: String,
    },

    WrongRecoveryCode {},
    NotARecoveryCode {},

    // What has nothing to do with the question.
    /// A forgotten PIN would lose the passkeys.
    NoRecoveryCode {},

    // Notices: a title and a text each.
    NoPasskeyTitle {},
    NoPasskey {
        provider: Option<String>,
        site: Option<String>,
    },
    ProviderDisabledTitle {},
    ProviderDisabled {
        provider: Option<String>,
    },
    StillLockedTitle {},
    StillLocked {
        provider: Option<String>,
    },
    ProviderStoppedTitle {},
    ProviderStopped {
        provider: Option<String>,
    },
    NoAnswerTitle {},
    NoAnswer {
        provider: Option<String>,
    },
    ProviderUnreachableTitle {},
    ProviderUnreachable {
        provider: Option<String>,
    },
    ProviderBusyTitle {},
    ProviderBusy {
        provider: Option<String>,
    },
    ProviderFailedTitle {},
    ProviderFailed {
        provider: Option<String>,
    },
    ProviderDamagedTitle {},
    /// `reason` is what the provider says.
    ProviderDamaged {
        provider: Option<String>,
        reason: Option<String>,
    },
    ProviderUnavailableTitle {},
    /// `reason` is what the provider says.
    ProviderUnavailable {
        provider: Option<String>,
        reason: Option<String>,
    },
    WrongAnswerTitle {},
    WrongAnswer {
        provider: Option<String>,
    },
    AmbiguousTitle {},
    Ambiguous {},
    AlreadyThereTitle {},
    AlreadyThere {
        provider: Option<String>,
    },
    NotSupportedTitle {},
    NotSupported {
        provider: Option<String>,
        site: Option<String>,
    },
    SecurityKeyWantedTitle {},
    SecurityKeyWanted {
        site: Option<String>,
    },
    LargeBlobsWanted {
        site: Option<String>,
    },
    UnknownFrameTitle {},
    UnknownFrame {
        site: Option<String>,
    },
    NoPasskeysAllowed {
        site: Option<String>,
    },
    NotAllowedTitle {},
    NotAllowed {
        provider: Option<String>,
        site: Option<String>,
    },
    PinLockedTitle {},
    PinLocked {},
    /// The same where there is a recovery code.
    PinLockedRecover {},
    NoPinTitle {},
    NoPin {},
    NoVerificationTitle {},
    NoVerification {},
    FailedTitle {},
    /// `why` is the cause's code, as the audit log has it.
    Failed {
        why: String,
    },

    // What there is to choose from.
    Account {
        account: Option<String>,
    },
    Provider {
        provider: Option<String>,
    },
    LookIn {
        provider: String,
    },
    // What is said of a choice beside its label.
    DisplayName {
        name: String,
    },
    DisabledProvider {
        provider: String,
    },
    ReplacesPasskey {},
    /// Of a passkey that did not reach the page that had asked for it: its site may not know it.
    NeverConfirmed {},

    // The terminal prompt's own words: the names of what a view holds, questions, and what it says of itself.
    SiteField {},
    PageField {},
    TopPageField {},
    CallerField {},
    AccountField {},
    ProgramField {},
    /// `door` is [`CallerView::door`](crate::view::CallerView::door).
    Caller {
        program: Option<String>,
        executable: Option<String>,
        door: String,
    },
    /// Where a choice is kept.
    Place {
        provider: String,
        locked: bool,
    },
    Idle {},
    AskConsent {},
    AskChoice {
        count: usize,
    },
    AnswerUnclear {},
    AskClose {},
    AskTurnOn {
        provider: String,
    },
    AskPin {},
    AskNewPin {},
    AskPinAgain {},
    PinUnusable {},
    /// Where the recovery code helps: how to give it.
    AskRecover {},
    AskRecoveryCode {},
    /// The recovery code is mistyped; `group` is the one that looks wrong, where that can be told.
    CodeMistyped {
        group: Option<usize>,
    },
    PromptReplaced {},
    /// `why` is what the bus said.
    BrokerEnded {
        why: String,
    },

    // The window's own words.
    /// The button that agrees.
    Agree {
        to: Agreement,
    },
    /// The button that has a disabled provider turned on.
    TurnOn {
        provider: String,
    },
    RefuseButton {},
    CloseButton {},
    RefuseForAWhile {},
    RefuseForAWhileHint {},
    /// The name of something on a screen.
    Field {
        field: Field,
    },
    /// Beside a site that a program names and no page.
    NamedByProgram {},
    Remember {},
    SearchChoices {},
    NothingFound {},
    TriesLeft {
        tries_left: u32,
    },
    PinsDiffer {},
    /// The button that has the recovery code taken instead of the PIN; `locked` where the PIN cannot be typed now.
    UseRecoveryCode {
        locked: bool,
    },
    RecoverTitle {},
    RecoverHint {},
    BackButton {},
    /// How far the recovery code is typed, in whole groups.
    CodeProgress {
        groups: usize,
    },
    /// A character of this group is in no recovery code.
    CodeForeign {
        group: usize,
    },
    /// The whole code is there, and its check characters fit.
    CodeFits {},
    /// The recovery code has set the PIN.
    NewPinSet {},
    /// What a new PIN is worth: `guesses` is a number in digits, `lasts` how long it keeps a thief busy, in the unit `count` counts.
    PinStrength {
        guesses: String,
        lasts: Lasts,
        count: u32,
    },
    /// A way to be verified other than the PIN; `method` and `state` are the words of the view.
    OtherMethod {
        method: String,
        state: String,
    },
    MoreWaiting {
        count: u32,
    },
    Working {},
    Done {},
    /// What the notification says that stands for a window which is not in front.
    AnswerWaits {},

    /// What enabling a program that runs others means.
    ProgramHost {
        host: ProgramHost,
    },

    // What is broken; see `Trouble`.
    TroubleFound {
        what: StateFile,
        damage: Damage,
        file: String,
    },
    TroubleRemedy {
        what: StateFile,
        damage: Damage,
        file: String,
        set_aside: Option<String>,
    },
    TroubleStillWorks {
        what: StateFile,
        damage: Damage,
    },
}
