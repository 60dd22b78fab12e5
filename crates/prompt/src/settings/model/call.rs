//! What the window asks of the broker, as values: each is one method of `org.claviger.Manage1`.

use crate::settings::text::Text;

/// One call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Let a provider take part, by its id.
    Enable(String),
    /// Let it take part no more.
    Disable(String),
    /// Offer it first.
    MakeDefault(String),
    /// Offer providers in this order, by their ids.
    Order(Vec<String>),
    /// Offer a provider first at one site.
    SetRule {
        /// The site.
        site: String,
        /// The provider's id.
        provider: String,
    },
    /// Remove the rule for a site.
    ClearRule(String),
    /// Lock a provider, or all where the id is empty.
    Lock(String),
    /// Unlock a provider, or all where the id is empty.
    Unlock(String),
    /// Turn the security-key door on, or off.
    SwitchSecurityKey(bool),
    /// Choose a PIN.
    ChoosePin,
    /// Choose another PIN in the place of the present one.
    ChangePin,
    /// Give a passkey another name.
    Rename {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
        /// The name.
        name: String,
    },
    /// Offer a passkey at no sign-in any more.
    Hide {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
    },
    /// Offer it again.
    Unhide {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
    },
    /// Delete a passkey.
    Delete {
        /// The provider that keeps it.
        provider: String,
        /// Its id.
        id: String,
    },
}

impl Call {
    /// Whether the broker asks the person before it answers, so that the call takes as long as they like.
    pub fn asks(&self) -> bool {
        match self {
            Self::Enable(_)
            | Self::Unlock(_)
            | Self::ChoosePin
            | Self::ChangePin
            | Self::Rename { .. }
            | Self::Delete { .. } => true,
            Self::Hide { .. }
            | Self::Unhide { .. }
            | Self::Disable(_)
            | Self::MakeDefault(_)
            | Self::Order(_)
            | Self::SetRule { .. }
            | Self::ClearRule(_)
            | Self::Lock(_)
            | Self::SwitchSecurityKey(_) => false,
        }
    }

    /// What to say when it is done.
    pub fn done(&self) -> Text {
        match self {
            Self::Enable(_) => Text::DoneEnabled {},
            Self::Disable(_) => Text::DoneDisabled {},
            Self::MakeDefault(_) => Text::DoneDefault {},
            Self::Order(_) => Text::DoneOrder {},
            Self::SetRule { site, .. } => Text::DoneRule { site: site.clone() },
            Self::ClearRule(site) => Text::DoneNoRule { site: site.clone() },
            Self::Lock(_) => Text::DoneLocked {},
            Self::Unlock(_) => Text::DoneUnlocked {},
            Self::SwitchSecurityKey(true) => Text::DoneKeyOn {},
            Self::SwitchSecurityKey(false) => Text::DoneKeyOff {},
            Self::ChoosePin => Text::DonePin {},
            Self::ChangePin => Text::DonePinChanged {},
            Self::Rename { .. } => Text::DoneRenamed {},
            Self::Hide { .. } => Text::DoneHidden {},
            Self::Unhide { .. } => Text::DoneUnhidden {},
            Self::Delete { .. } => Text::DoneDeleted {},
        }
    }
}
