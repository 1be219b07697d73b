//! Colours, as code and settings write them.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A colour with alpha, not premultiplied. In settings: `"#rgb"`, `"#rrggbb"` or `"#rrggbbaa"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
    /// 255 is opaque.
    pub alpha: u8,
}

impl Colour {
    pub const BLACK: Colour = Colour::rgb(0, 0, 0);
    pub const WHITE: Colour = Colour::rgb(255, 255, 255);

    pub const fn rgb(red: u8, green: u8, blue: u8) -> Colour {
        Colour { red, green, blue, alpha: 255 }
    }

    pub const fn with_alpha(self, alpha: u8) -> Colour {
        Colour { alpha, ..self }
    }

    /// `0xRRGGBBAA`, as the host takes it.
    pub const fn to_rgba(self) -> u32 {
        u32::from_be_bytes([self.red, self.green, self.blue, self.alpha])
    }

    /// Black or white, whichever is easier to read on this colour.
    pub const fn readable(self) -> Colour {
        // BT.601 luma in 1/1000; the eye's mid grey lies a little above the middle.
        let luma = self.red as u32 * 299 + self.green as u32 * 587 + self.blue as u32 * 114;
        if luma > 140_000 { Colour::BLACK } else { Colour::WHITE }
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Colour, String> {
        let wrong = || format!("\"{text}\" is not a colour like #ffcc00");
        let digits = text.strip_prefix('#').ok_or_else(wrong)?;
        let nibbles: Vec<u8> = digits
            .chars()
            .map(|c| c.to_digit(16).map(|d| d as u8))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        match nibbles[..] {
            [r, g, b] => Ok(Colour::rgb(r * 17, g * 17, b * 17)),
            [r, s, g, h, b, c] => Ok(Colour::rgb(r << 4 | s, g << 4 | h, b << 4 | c)),
            [r, s, g, h, b, c, a, z] => {
                Ok(Colour::rgb(r << 4 | s, g << 4 | h, b << 4 | c).with_alpha(a << 4 | z))
            }
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Colour, D::Error> {
        let text: Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Colour {
    fn schema_name() -> Cow<'static, str> {
        "Colour".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_all_three_lengths_and_nothing_else() {
        assert_eq!("#fc0".parse(), Ok(Colour::rgb(255, 204, 0)));
        assert_eq!("#0a141e".parse(), Ok(Colour::rgb(10, 20, 30)));
        assert_eq!("#0a141e80".parse(), Ok(Colour::rgb(10, 20, 30).with_alpha(128)));
        assert!("red".parse::<Colour>().is_err());
        assert!("#12345".parse::<Colour>().is_err());
        assert!("#ééé".parse::<Colour>().is_err());
    }

    #[test]
    fn text_is_dark_on_light_and_light_on_dark() {
        assert_eq!(Colour::rgb(255, 220, 0).readable(), Colour::BLACK);
        assert_eq!(Colour::rgb(0, 0, 160).readable(), Colour::WHITE);
    }
}
