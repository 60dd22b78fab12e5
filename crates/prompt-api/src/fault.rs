//! Whose fault something is: in errors of the broker's methods, in the audit log and in `--json`.

use serde::{Deserialize, Serialize};

/// Whose fault something is; the name in logs and JSON is that of [`Fault::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The program or page that asks.
    Caller,
    /// A provider.
    Provider,
    /// The user, who decided so or has something to do first.
    User,
    /// A rule of the user, the administrator or a provider.
    Policy,
    /// The platform itself, or the machine under it.
    Platform,
}

impl Fault {
    const ALL: [Self; 5] = [Self::Caller, Self::Provider, Self::User, Self::Policy, Self::Platform];

    /// The name on the bus, in the audit log and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Provider => "provider",
            Self::User => "user",
            Self::Policy => "policy",
            Self::Platform => "platform",
        }
    }

    /// The one of that name; none of a later version's.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_one_name_everywhere() {
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.name()), Some(fault));
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
        }
        assert_eq!(Fault::named("weather"), None);
    }
}
