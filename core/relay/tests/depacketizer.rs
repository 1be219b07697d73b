//! Puts NAL units together again from RTP payloads (RFC 6184), as a viewer does.

use bytes::Bytes;

/// The NAL units in `payloads`, which are whole and in order.
pub fn depacketize(payloads: &[Bytes]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = vec![];
    for payload in payloads {
        match payload[0] & 0x1f {
            24 => {
                let mut rest = &payload[1..];
                while let [high, low, body @ ..] = rest {
                    let (unit, after) = body.split_at(usize::from(u16::from_be_bytes([*high, *low])));
                    units.push(unit.to_vec());
                    rest = after;
                }
            }
            28 => {
                if payload[1] & 0x80 != 0 {
                    units.push(vec![payload[0] & 0xe0 | payload[1] & 0x1f]);
                }
                units.last_mut().expect("a piece follows its start").extend_from_slice(&payload[2..]);
            }
            _ => units.push(payload.to_vec()),
        }
    }
    units
}
