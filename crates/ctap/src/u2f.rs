//! CTAP1, which is U2F: the messages (CTAP 2.1 §7; FIDO U2F Raw Message Formats v1.2).
//!
//! A message is a command APDU of ISO 7816-4, extended over HID; an answer is data and a status word.

use std::fmt;

/// A request. `Debug` shows neither challenge nor key handle.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// `U2F_REGISTER` (0x01).
    Register {
        /// SHA-256 of the client data.
        challenge: [u8; 32],
        /// SHA-256 of the application id; for WebAuthn, of the RP ID.
        application: [u8; 32],
    },
    /// `U2F_AUTHENTICATE` (0x02).
    Authenticate {
        /// What is asked for.
        control: Control,
        /// SHA-256 of the client data.
        challenge: [u8; 32],
        /// SHA-256 of the application id; for WebAuthn, of the RP ID.
        application: [u8; 32],
        /// What registration gave: the credential id.
        key_handle: Vec<u8>,
    },
    /// `U2F_VERSION` (0x03).
    Version,
}

/// The control byte of an authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Control {
    /// Only say whether the key handle is from here.
    CheckOnly = 0x07,
    /// Sign if the user is there.
    EnforcePresence = 0x03,
    /// Sign whether the user is there or not, and say so in the signature.
    DontEnforcePresence = 0x08,
}

/// The status word at the end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum StatusWord {
    /// `SW_NO_ERROR`.
    NoError = 0x9000,
    /// `SW_WRONG_LENGTH`: the length of the request is invalid.
    WrongLength = 0x6700,
    /// `SW_CONDITIONS_NOT_SATISFIED`: the user is not there; ask again.
    ConditionsNotSatisfied = 0x6985,
    /// `SW_COMMAND_NOT_ALLOWED`: U2F is switched off (CTAP 2.1 §7.2.4: with alwaysUv).
    CommandNotAllowed = 0x6986,
    /// `SW_WRONG_DATA`: the key handle is not from here.
    WrongData = 0x6a80,
    /// ISO 7816-4: no room.
    NotEnoughMemory = 0x6a84,
    /// ISO 7816-4: P1 or P2 is none that the instruction has.
    IncorrectParameters = 0x6a86,
    /// `SW_INS_NOT_SUPPORTED`.
    InstructionNotSupported = 0x6d00,
    /// `SW_CLA_NOT_SUPPORTED`.
    ClassNotSupported = 0x6e00,
    /// ISO 7816-4: no precise diagnosis.
    Other = 0x6f00,
}

impl StatusWord {
    /// The two bytes on the wire.
    pub fn to_bytes(self) -> [u8; 2] {
        (self as u16).to_be_bytes()
    }
}

const REGISTER: u8 = 0x01;
const AUTHENTICATE: u8 = 0x02;
const VERSION: u8 = 0x03;

impl Request {
    /// Parses a command APDU, short or extended. The error is the status word to answer with.
    pub fn parse(apdu: &[u8]) -> Result<Self, StatusWord> {
        let (&[class, instruction, p1, _], rest) = apdu.split_first_chunk().ok_or(StatusWord::WrongLength)?;
        if class != 0 {
            return Err(StatusWord::ClassNotSupported);
        }
        // Only for an instruction that is known: lengths are looked at last.
        let data = || data(rest).ok_or(StatusWord::WrongLength);
        match instruction {
            REGISTER => {
                let data = data()?;
                let (challenge, application) = two_hashes(data).ok_or(StatusWord::WrongLength)?;
                if data.len() != 64 {
                    return Err(StatusWord::WrongLength);
                }
                Ok(Self::Register { challenge, application })
            }
            AUTHENTICATE => {
                let data = data()?;
                let (challenge, application) = two_hashes(data).ok_or(StatusWord::WrongLength)?;
                let key_handle = data.get(64..).and_then(<[u8]>::split_first);
                let key_handle = key_handle.filter(|(length, handle)| usize::from(**length) == handle.len());
                let (_, key_handle) = key_handle.ok_or(StatusWord::WrongLength)?;
                Ok(Self::Authenticate {
                    control: Control::from_byte(p1).ok_or(StatusWord::IncorrectParameters)?,
                    challenge,
                    application,
                    key_handle: key_handle.to_vec(),
                })
            }
            VERSION if data()?.is_empty() => Ok(Self::Version),
            VERSION => Err(StatusWord::WrongLength),
            _ => Err(StatusWord::InstructionNotSupported),
        }
    }

    /// The extended APDU. A key handle of more than 255 bytes, which no registration gives, is cut.
    pub fn to_apdu(&self) -> Vec<u8> {
        let (instruction, p1, data) = match self {
            Self::Register { challenge, application } => (REGISTER, 0, [*challenge, *application].concat()),
            Self::Authenticate {
                control,
                challenge,
                application,
                key_handle,
            } => {
                let mut data = [*challenge, *application].concat();
                let length = u8::try_from(key_handle.len()).unwrap_or(u8::MAX);
                data.push(length);
                data.extend(key_handle.iter().take(usize::from(length)));
                (AUTHENTICATE, *control as u8, data)
            }
            Self::Version => (VERSION, 0, Vec::new()),
        };
        let mut apdu = vec![0, instruction, p1, 0, 0];
        if !data.is_empty() {
            let [.., high, low] = data.len().to_be_bytes();
            apdu.extend_from_slice(&[high, low]);
            apdu.extend_from_slice(&data);
        }
        // Le: as much as there is.
        apdu.extend_from_slice(&[0, 0]);
        apdu
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register { .. } => f.write_str("Register"),
            Self::Authenticate { control, .. } => write!(f, "Authenticate({control:?})"),
            Self::Version => f.write_str("Version"),
        }
    }
}

impl Control {
    /// The control with this byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let all = [Self::CheckOnly, Self::EnforcePresence, Self::DontEnforcePresence];
        all.into_iter().find(|control| *control as u8 == byte)
    }
}

fn two_hashes(data: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let (challenge, rest) = data.split_first_chunk()?;
    let (application, _) = rest.split_first_chunk()?;
    Some((*challenge, *application))
}

/// What is between the header and `Le` (ISO 7816-4 §5.1). `None`: the lengths do not fit.
fn data(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        // Nothing, or `Le` alone, short or extended.
        [] | [_] | [0, _, _] => Some(&[]),
        [0, high, low, rest @ ..] => {
            let (data, le) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
            matches!(le.len(), 0 | 2).then_some(data)
        }
        [length, rest @ ..] => {
            let (data, le) = rest.split_at_checked(usize::from(*length))?;
            matches!(le.len(), 0 | 1).then_some(data)
        }
    }
}
