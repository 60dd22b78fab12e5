//! Status codes (CTAP 2.1 §8.2).

use std::fmt;

/// The first byte of every CTAP2 answer.
///
/// Vendor, extension and reserved codes are not in the list: a program that meets one maps it to [`Status::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Status {
    /// `CTAP2_OK`: the command was carried out.
    Success = 0x00,
    /// The command is not known or not supported.
    InvalidCommand = 0x01,
    /// A parameter is invalid.
    InvalidParameter = 0x02,
    /// The message or an item in it has an invalid length.
    InvalidLength = 0x03,
    /// A CTAPHID packet came out of sequence.
    InvalidSeq = 0x04,
    /// The message timed out.
    Timeout = 0x05,
    /// The channel is busy; retry.
    ChannelBusy = 0x06,
    /// The command needs a channel lock.
    LockRequired = 0x0a,
    /// The command is not allowed on this channel.
    InvalidChannel = 0x0b,
    /// A CBOR item has another type than expected.
    CborUnexpectedType = 0x11,
    /// The CBOR is not canonical or not CBOR at all.
    InvalidCbor = 0x12,
    /// A required parameter is missing.
    MissingParameter = 0x14,
    /// A list, string or message is longer than supported.
    LimitExceeded = 0x15,
    /// No room for another fingerprint.
    FpDatabaseFull = 0x17,
    /// No room for another large blob.
    LargeBlobStorageFull = 0x18,
    /// A credential of the exclude list exists here.
    CredentialExcluded = 0x19,
    /// Still working (keep-alive only).
    Processing = 0x21,
    /// The credential is not valid for this authenticator.
    InvalidCredential = 0x22,
    /// Waiting for the user.
    UserActionPending = 0x23,
    /// An operation is pending.
    OperationPending = 0x24,
    /// No operation is pending.
    NoOperations = 0x25,
    /// None of the algorithms asked for is supported.
    UnsupportedAlgorithm = 0x26,
    /// Not authorised, or refused by the user.
    OperationDenied = 0x27,
    /// No room for another credential.
    KeyStoreFull = 0x28,
    /// An option is not supported.
    UnsupportedOption = 0x2b,
    /// An option is not valid for this command.
    InvalidOption = 0x2c,
    /// Cancelled by the platform.
    KeepaliveCancel = 0x2d,
    /// There is no credential that fits.
    NoCredentials = 0x2e,
    /// The user did nothing in time.
    UserActionTimeout = 0x2f,
    /// The command is not allowed now, for example no next assertion.
    NotAllowed = 0x30,
    /// Wrong PIN.
    PinInvalid = 0x31,
    /// PIN blocked until reset.
    PinBlocked = 0x32,
    /// The `pinUvAuthParam` does not verify.
    PinAuthInvalid = 0x33,
    /// PIN blocked until power cycle.
    PinAuthBlocked = 0x34,
    /// No PIN has been set.
    PinNotSet = 0x35,
    /// User verification is required and was not given.
    PuatRequired = 0x36,
    /// The PIN does not meet the policy.
    PinPolicyViolation = 0x37,
    /// The request does not fit the authenticator.
    RequestTooLarge = 0x39,
    /// The operation took too long.
    ActionTimeout = 0x3a,
    /// User presence is required.
    UpRequired = 0x3b,
    /// Built-in user verification is blocked.
    UvBlocked = 0x3c,
    /// A checksum does not match.
    IntegrityFailure = 0x3d,
    /// The subcommand is not known.
    InvalidSubcommand = 0x3e,
    /// Built-in user verification failed; retry.
    UvInvalid = 0x3f,
    /// The permission is not authorised.
    UnauthorizedPermission = 0x40,
    /// An error of no other kind.
    Other = 0x7f,
}

impl Status {
    /// The code on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status with this code, if it is one of the specification's.
    pub fn from_code(code: u8) -> Option<Self> {
        ALL.iter().copied().find(|status| status.code() == code)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} (0x{:02x})", self.code())
    }
}

const ALL: &[Status] = &[
    Status::Success,
    Status::InvalidCommand,
    Status::InvalidParameter,
    Status::InvalidLength,
    Status::InvalidSeq,
    Status::Timeout,
    Status::ChannelBusy,
    Status::LockRequired,
    Status::InvalidChannel,
    Status::CborUnexpectedType,
    Status::InvalidCbor,
    Status::MissingParameter,
    Status::LimitExceeded,
    Status::FpDatabaseFull,
    Status::LargeBlobStorageFull,
    Status::CredentialExcluded,
    Status::Processing,
    Status::InvalidCredential,
    Status::UserActionPending,
    Status::OperationPending,
    Status::NoOperations,
    Status::UnsupportedAlgorithm,
    Status::OperationDenied,
    Status::KeyStoreFull,
    Status::UnsupportedOption,
    Status::InvalidOption,
    Status::KeepaliveCancel,
    Status::NoCredentials,
    Status::UserActionTimeout,
    Status::NotAllowed,
    Status::PinInvalid,
    Status::PinBlocked,
    Status::PinAuthInvalid,
    Status::PinAuthBlocked,
    Status::PinNotSet,
    Status::PuatRequired,
    Status::PinPolicyViolation,
    Status::RequestTooLarge,
    Status::ActionTimeout,
    Status::UpRequired,
    Status::UvBlocked,
    Status::IntegrityFailure,
    Status::InvalidSubcommand,
    Status::UvInvalid,
    Status::UnauthorizedPermission,
    Status::Other,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_both_ways_and_are_those_of_the_specification() {
        for status in ALL {
            assert_eq!(Status::from_code(status.code()), Some(*status));
        }
        assert_eq!(Status::CredentialExcluded.code(), 0x19);
        assert_eq!(Status::NoCredentials.code(), 0x2e);
        assert_eq!(Status::PuatRequired.code(), 0x36);
        assert_eq!(Status::from_code(0x13), None);
        assert_eq!(Status::from_code(0xf0), None);
    }
}
