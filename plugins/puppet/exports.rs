//! The exports: a frame's first plane is the script of the calls it gets.

use std::cell::RefCell;

use framegate_sdk::bindings::filtering::exports::framegate::frame::filtering;
use framegate_sdk::bindings::imports::framegate::frame::frames::Frame;
use framegate_sdk::bindings::imports::framegate::frame::pixels_read;
use framegate_sdk::bindings::imports::framegate::frame::types::{Error, ErrorKind};
use framegate_sdk::bindings::lifecycle::exports::framegate::frame::lifecycle;

use crate::calls::Hands;
use crate::script::Script;

thread_local! {
    static HANDS: RefCell<Hands> = RefCell::default();
}

struct Component;

impl lifecycle::Guest for Component {
    fn describe() -> lifecycle::Descriptor {
        framegate_sdk::report_panics();
        lifecycle::Descriptor {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: env!("CARGO_PKG_DESCRIPTION").into(),
            config_schema: r#"{"type":"object","additionalProperties":false}"#.into(),
            formats: vec![],
            roles: vec![],
        }
    }

    fn configure(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl filtering::Guest for Component {
    fn process(frame: &Frame) -> Result<filtering::Verdict, Error> {
        let mut script = Script::new(pixels_read::read_rows(frame, 0, 0, u32::MAX)?);
        let ending = script.byte();
        HANDS.with_borrow_mut(|hands| {
            while !script.is_over() {
                hands.call(&mut script, frame);
            }
        });
        match ending {
            0..200 => Ok(filtering::Verdict::Pass),
            200..220 => Ok(filtering::Verdict::Drop),
            220..240 => Err(Error { kind: ErrorKind::Failed, message: "on purpose".into() }),
            _ => panic!("on purpose"),
        }
    }
}

framegate_sdk::bindings::lifecycle::export!(Component with_types_in framegate_sdk::bindings::lifecycle);
framegate_sdk::bindings::filtering::export!(Component with_types_in framegate_sdk::bindings::filtering);
