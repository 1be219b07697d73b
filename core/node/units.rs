//! Numbers as people write them: `250ms`, `64MiB`, `2.5M`.
//!
//! Owns reading and printing them; each value prints as something that reads back the same.

use std::time::Duration;

const DURATIONS: [(&str, f64); 6] =
    [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
const BYTES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];
const BITRATES: [(&str, u64); 3] = [("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];

/// Splits `2.5M` into 2.5 and `M`.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// The units a duration may be written in.
pub fn durations() -> impl Iterator<Item = &'static str> {
    DURATIONS.iter().map(|(name, _)| *name)
}

/// Reads `250ms`, `10s`, `5m`; a bare `0` too.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) =
        split(text.trim()).ok_or_else(|| format!("\"{text}\" is not a duration like 250ms, 10s or 5m"))?;
    if unit.is_empty() && number == 0.0 {
        return Ok(Duration::ZERO);
    }
    let seconds = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| seconds * number);
    let seconds = seconds.ok_or_else(|| match unit.is_empty() {
        true => format!("\"{text}\" has no unit of time; write it like 250ms, 10s or 5m"),
        false => format!("\"{text}\" has no unit of time that is known; units are ns, us, ms, s, m and h"),
    })?;
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("\"{text}\" is longer than any duration"))
}

/// Reads `64MiB`, `512KiB`, `1GB`, or a bare count of bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    scaled(text, &BYTES).ok_or_else(|| format!("\"{text}\" is not a byte count like 64MiB or 512KiB"))
}

/// Reads `2.5M`, `800k`, or a bare number of bits per second.
pub fn bitrate(text: &str) -> Result<u64, String> {
    scaled(text, &BITRATES).ok_or_else(|| format!("\"{text}\" is not a bitrate like 2.5M or 800k"))
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = split(text.trim())?;
    let factor = match unit {
        "" => 1,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    let value = number * factor as f64;
    (value.is_finite() && value <= u64::MAX as f64 / 2.0).then_some(value.round() as u64)
}

/// Prints a duration in the largest unit that keeps it whole.
pub fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = [("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
        .into_iter()
        .find(|(_, unit)| nanos >= *unit && nanos.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", nanos / unit),
        None if nanos == 0 => "0s".to_owned(),
        None => format!("{nanos}ns"),
    }
}

/// Prints a byte count in the largest binary unit that keeps it whole.
pub fn show_bytes(bytes: u64) -> String {
    let whole = BYTES[1..4].iter().rev().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// Prints a bitrate as `2.5M` or `800k`.
pub fn show_bitrate(bits: u64) -> String {
    match bits {
        bits if bits >= 1_000_000 && bits % 1_000 == 0 => format!("{}M", bits as f64 / 1e6),
        bits if bits >= 1_000 && bits % 1_000 == 0 => format!("{}k", bits / 1_000),
        bits => bits.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_as_written() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("12"), Ok(12));
        assert_eq!(bitrate("2.5M"), Ok(2_500_000));
        assert_eq!(bitrate("800k"), Ok(800_000));
    }

    #[test]
    fn nonsense_is_refused_not_guessed() {
        for text in ["", "10", "10 parsecs", "-5s", "ms", "1e400s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "64Mib", "-1", "1e99GiB", "M"] {
            assert!(bytes(text).is_err(), "{text}");
            assert!(bitrate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_print_as_they_would_be_written() {
        assert_eq!(show_duration(Duration::from_millis(250)), "250ms");
        assert_eq!(show_duration(Duration::from_secs(10)), "10s");
        assert_eq!(show_bytes(64 << 20), "64MiB");
        assert_eq!(show_bitrate(2_500_000), "2.5M");
        assert_eq!(show_bitrate(800_000), "800k");
    }
}
