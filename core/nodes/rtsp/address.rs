//! Where a camera is and how to get in, kept apart: what is shown never holds a secret.

use std::fmt;

use url::Url;

/// An RTSP address without its secrets, and the secrets.
#[derive(Clone)]
pub(super) struct Address {
    /// Without user and password: those are sent when the camera asks for them.
    pub url: Url,
    pub user: Option<String>,
    pub password: Option<String>,
}

impl Address {
    /// Takes an address apart. `user` and `password` stand above those within it, unless they are empty.
    ///
    /// # Errors
    /// What is wrong with it, without the address itself: it may hold a password.
    pub fn read(text: &str, user: Option<&str>, password: Option<&str>) -> Result<Address, String> {
        let mut url = Url::parse(text).map_err(|error| format!("is no address ({error})"))?;
        if url.scheme() != "rtsp" {
            return Err(format!("must begin with rtsp://, got {}://", url.scheme()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host".to_owned());
        }
        let plain = |text: &str| decoded(text).ok_or("has a user or password that is no UTF-8");
        let own_user = Some(url.username()).filter(|user| !user.is_empty()).map(plain).transpose()?;
        let own_password = url.password().map(plain).transpose()?;
        // Both can be taken out of an address that has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Address { url, user: given(user).or(own_user), password: given(password).or(own_password) })
    }

    /// `text`, which somebody else wrote, without anything secret in it and on one line.
    pub fn cleared(&self, text: &str) -> String {
        let first = text.lines().next().unwrap_or_default();
        let secrets = [self.password.as_deref(), self.url.query(), self.user.as_deref()];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(first.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

/// Host, port and path. Some cameras take their password as part of the query, so that is left out.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtsp://{}", self.url.host_str().unwrap_or_default())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path())?;
        f.write_str(if self.url.query().is_some() { "?…" } else { "" })
    }
}

/// Percent signs undone: `p%40ss` is `p@ss`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => (hex(rest.next())? * 16 + hex(rest.next())?) as u8,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_taken_out_and_never_shown() {
        let text = "rtsp://admin:p%40ss@cam.lan:8554/h264?user=admin&pwd=hunter2";
        let address = Address::read(text, None, None).unwrap();
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("admin"), Some("p@ss")));
        assert_eq!(address.to_string(), "rtsp://cam.lan:8554/h264?…");
        assert_eq!(address.url.as_str(), "rtsp://cam.lan:8554/h264?user=admin&pwd=hunter2");
        let said = address.cleared("404 for rtsp://cam.lan/?user=admin&pwd=hunter2 by p@ss\n\nconn: 1");
        assert_eq!(said, "404 for rtsp://cam.lan/?… by …");
    }

    #[test]
    fn settings_of_their_own_stand_above_the_address() {
        let address = Address::read("rtsp://a:b@cam/", Some("user"), Some("word")).unwrap();
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("user"), Some("word")));
    }

    #[test]
    fn a_fault_does_not_repeat_the_address() {
        for text in ["secret@cam", "http://u:secret@cam/", "rtsp:///secret", "rtsp://u:%FF%secret@cam/"] {
            let fault = Address::read(text, None, None).err().unwrap_or_else(|| panic!("{text} is refused"));
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
