//! The little of STUN (RFC 8489) that tells whose datagram this is. Checks are authenticated by
//! the ICE agent, never here.

const MAGIC: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// What tells a request and its answer from all others.
pub type Transaction = [u8; 12];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Request,
    Success,
    Other,
}

/// A binding message, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Stun<'a> {
    pub class: Class,
    pub transaction: Transaction,
    attributes: &'a [u8],
}

impl<'a> Stun<'a> {
    /// `None` for anything that is not STUN (RFC 7983: the first byte tells).
    pub fn read(datagram: &'a [u8]) -> Option<Stun<'a>> {
        let header = datagram.get(..HEADER)?;
        if header[0] > 3 || header[4..8] != MAGIC {
            return None;
        }
        let class = match u16::from_be_bytes([header[0], header[1]]) {
            0x0001 => Class::Request,
            0x0101 => Class::Success,
            _ => Class::Other,
        };
        let transaction = header[8..HEADER].try_into().ok()?;
        Some(Stun { class, transaction, attributes: &datagram[HEADER..] })
    }

    /// The part of USERNAME before the colon: the fragment we chose for the receiver of this.
    pub fn receiver(&self) -> Option<&'a str> {
        let name = std::str::from_utf8(self.attribute(USERNAME)?).ok()?;
        Some(name.split_once(':')?.0)
    }

    pub fn nominates(&self) -> bool {
        self.attribute(USE_CANDIDATE).is_some()
    }

    fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        while let [kind_high, kind_low, long_high, long_low, body @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*long_high, *long_low]));
            let value = body.get(..length)?;
            if u16::from_be_bytes([*kind_high, *kind_low]) == wanted {
                return Some(value);
            }
            rest = body.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        }
        None
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A binding request for `username`, as far as it is read here.
    pub fn request(username: &str) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend(MAGIC);
        bytes.extend([7; 12]);
        bytes.extend(USERNAME.to_be_bytes());
        bytes.extend((username.len() as u16).to_be_bytes());
        bytes.extend(username.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(USE_CANDIDATE.to_be_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn a_request_names_its_receiver() {
        let bytes = request("ours7:theirs");
        let stun = Stun::read(&bytes).unwrap();
        assert_eq!(stun.class, Class::Request);
        assert_eq!(stun.receiver(), Some("ours7"));
        assert!(stun.nominates());
    }

    #[test]
    fn cut_and_wrong_messages_are_read_without_fault() {
        let whole = request("ours:theirs");
        for end in 0..whole.len() {
            if let Some(stun) = Stun::read(&whole[..end]) {
                let _ = (stun.receiver(), stun.nominates());
            }
        }
        let mut long = whole;
        long[22] = 0xff;
        assert_eq!(Stun::read(&long).unwrap().receiver(), None);
    }
}
