//! The exports: settings in, and for each frame a mark or a wrong.

use std::cell::RefCell;

use framegate_sdk::bindings::filtering::exports::framegate::frame::filtering;
use framegate_sdk::bindings::imports::framegate::frame::frames::Frame;
use framegate_sdk::bindings::imports::framegate::frame::pixels_write;
use framegate_sdk::bindings::imports::framegate::frame::types::{Error, ErrorKind};
use framegate_sdk::bindings::lifecycle::exports::framegate::frame::lifecycle;
use serde::Deserialize;

use crate::wrongs;

macro_rules! mode_enum {
    ($($mode:ident),*) => {
        #[derive(Clone, Copy, Deserialize, PartialEq)]
        #[allow(non_camel_case_types, reason = "the names are those of settings and tests")]
        pub enum Mode { $($mode),* }

        const NAMES: &[&str] = &[$(stringify!($mode)),*];

        fn misbehave(mode: Mode, frame: &Frame) -> Result<(), Error> {
            match mode { $(Mode::$mode => wrongs::$mode(frame)),* }
        }
    };
}
crate::modes!(mode_enum);

#[derive(Clone, Copy, Deserialize)]
struct Settings {
    mode: Mode,
    /// The sequence number of the frame that is treated wrong.
    at: u64,
}

thread_local! {
    static SETTINGS: RefCell<Option<Settings>> = const { RefCell::new(None) };
}

struct Component;

impl lifecycle::Guest for Component {
    fn describe() -> lifecycle::Descriptor {
        framegate_sdk::report_panics();
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "mode": { "enum": NAMES },
                "at": { "type": "integer", "minimum": 0 },
            },
            "required": ["mode", "at"],
            "additionalProperties": false,
        });
        lifecycle::Descriptor {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: env!("CARGO_PKG_DESCRIPTION").into(),
            config_schema: schema.to_string(),
            formats: vec![],
            roles: vec![],
        }
    }

    fn configure(config: String) -> Result<(), Error> {
        framegate_sdk::report_panics();
        let settings: Settings = serde_json::from_str(&config).map_err(|error| failed(&error.to_string()))?;
        match settings.mode {
            Mode::endless_loop_in_configure => wrongs::spin(),
            Mode::panic_in_configure => panic!("on purpose, in configure"),
            Mode::refuse_settings => return Err(failed("refused on purpose")),
            _ => {}
        }
        SETTINGS.set(Some(settings));
        Ok(())
    }
}

impl filtering::Guest for Component {
    fn process(input: &Frame) -> Result<filtering::Verdict, Error> {
        let settings = SETTINGS.with_borrow(|settings| *settings).ok_or_else(|| failed("not configured"))?;
        let info = input.info();
        let every = settings.mode == Mode::endless_loop_each_time && info.sequence > settings.at;
        if info.sequence == settings.at || every {
            misbehave(settings.mode, input)?;
            if settings.mode == Mode::partial_then_drop {
                return Ok(filtering::Verdict::Drop);
            }
        }
        pixels_write::write_rows(input, 0, 0, &vec![42; info.width as usize])?;
        Ok(filtering::Verdict::Pass)
    }
}

pub fn failed(message: &str) -> Error {
    Error { kind: ErrorKind::Failed, message: message.into() }
}

framegate_sdk::bindings::lifecycle::export!(Component with_types_in framegate_sdk::bindings::lifecycle);
framegate_sdk::bindings::filtering::export!(Component with_types_in framegate_sdk::bindings::filtering);
