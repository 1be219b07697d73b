//! How a plugin says that something did not work.

use std::fmt;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A value breaks a rule of the interface, or of the plugin's settings.
    InvalidArgument,
    /// The rule is kept, but this host, this plugin or this frame cannot do it.
    Unsupported,
    /// The graph does not allow it.
    NotGranted,
    /// It was tried and did not work, or a budget is used up.
    Failed,
}

/// An error for a person to read: lower case, names the value and the rule.
///
/// Any other error turns into one by `?`, with the kind [`ErrorKind::Failed`].
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidArgument, message)
    }

    pub fn unsupported(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, message)
    }

    pub fn failed(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Failed, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`, because `fn main() -> Result` and `unwrap` print it so.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

// `Error` is not itself a `std::error::Error`: that is what leaves room for this conversion.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Error {
        Error::failed(error.to_string())
    }
}
