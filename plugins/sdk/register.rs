//! From a type to a component: the `register_…!` macros and what their expansion calls.
//!
//! On the author's own machine the macros only check that the type has the trait.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::{Error, Level, PixelFormat, Plugin, Result};

/// What a plugin says of itself, before a world gives it its own type.
pub struct About {
    pub schema: String,
    pub formats: Vec<u32>,
    pub roles: Vec<String>,
}

impl About {
    pub fn of<P: Plugin>() -> About {
        About {
            schema: serde_json::to_string(&schemars::schema_for!(P::Settings)).unwrap_or_default(),
            formats: P::FORMATS.iter().copied().map(PixelFormat::fourcc).collect(),
            roles: P::ROLES.iter().copied().map(String::from).collect(),
        }
    }
}

/// Where a component keeps its plugin between calls.
pub struct Slot<P>(RefCell<Option<P>>);

impl<P: Plugin> Slot<P> {
    pub const fn empty() -> Slot<P> {
        Slot(RefCell::new(None))
    }

    /// # Errors
    /// When the text is not the plugin's settings, or the plugin refuses them.
    pub fn configure(&self, json: &str) -> Result<()> {
        let settings =
            serde_json::from_str(json).map_err(|error| Error::invalid(format!("settings: {error}")))?;
        let mut slot = self.0.borrow_mut();
        match slot.as_mut() {
            Some(plugin) => plugin.configure(settings),
            None => {
                *slot = Some(P::new(settings)?);
                Ok(())
            }
        }
    }

    /// # Errors
    /// When there is no plugin yet, or `work` fails.
    pub fn run<T>(&self, work: impl FnOnce(&mut P) -> Result<T>) -> Result<T> {
        let mut slot = self.0.borrow_mut();
        work(slot.as_mut().ok_or_else(|| Error::failed("called before configure"))?)
    }
}

/// Sends a panic's text to the host's log: after it the guest traps, and nothing else would tell why.
pub fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(panic: &PanicHookInfo) {
    let text = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
    crate::log(Level::Error, &format!("panicked{place}: {text}"));
}

/// Makes a type with [`Filter`](crate::Filter) a component. With `, snapshot` behind the type it also
/// exports its [`Snapshot`](crate::Snapshot); so do the other three.
#[macro_export]
macro_rules! register_filter {
    ($plugin:ty $(, $snapshot:ident)?) => {
        $crate::__component!($plugin, Filter, filtering $(, $snapshot)?);
    };
}

/// Makes a type with [`Overlay`](crate::Overlay) a component.
#[macro_export]
macro_rules! register_overlay {
    ($plugin:ty $(, $snapshot:ident)?) => {
        $crate::__component!($plugin, Overlay, filtering $(, $snapshot)?);
    };
}

/// Makes a type with [`Analyzer`](crate::Analyzer) a component.
#[macro_export]
macro_rules! register_analyzer {
    ($plugin:ty $(, $snapshot:ident)?) => {
        $crate::__component!($plugin, Analyzer, filtering $(, $snapshot)?);
    };
}

/// Makes a type with [`Detector`](crate::Detector) a component.
#[macro_export]
macro_rules! register_detector {
    ($plugin:ty $(, $snapshot:ident)?) => {
        $crate::__component!($plugin, Detector, detecting $(, $snapshot)?);
    };
}

/// The exports of one component. Everything is spelled out here, because the types belong to the
/// world's bindings and the package's name to the author's crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($plugin:ty, $trait:ident, $exports:ident $(, $snapshot:ident)?) => {
        const _: () = {
            const fn implements<P: $crate::$trait>() {}
            implements::<$plugin>();
            $($crate::__snapshot!(check $snapshot, $plugin);)?
        };

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::imports::framegate::frame::types::Error;
            use $crate::bindings::lifecycle::exports::framegate::frame::lifecycle;

            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::Slot<$plugin> = const { $crate::Slot::empty() };
            }

            impl lifecycle::Guest for Component {
                fn describe() -> lifecycle::Descriptor {
                    $crate::report_panics();
                    let about = $crate::About::of::<$plugin>();
                    lifecycle::Descriptor {
                        name: ::std::env!("CARGO_PKG_NAME").into(),
                        version: ::std::env!("CARGO_PKG_VERSION").into(),
                        summary: ::std::env!("CARGO_PKG_DESCRIPTION").into(),
                        config_schema: about.schema,
                        formats: about.formats,
                        roles: about.roles,
                    }
                }

                fn configure(config: ::std::string::String) -> ::std::result::Result<(), Error> {
                    $crate::report_panics();
                    SLOT.with(|slot| slot.configure(&config)).map_err(Error::from)
                }
            }

            $crate::__work!($exports, $trait);
            $($crate::__snapshot!($snapshot, $plugin);)?
    $crate::bindings::lifecycle::export!(Component with_types_in $crate::bindings::lifecycle);
    $crate::bindings::$exports::export!(Component with_types_in $crate::bindings::$exports);

            // The interface's version, to be read without running anything.
            #[unsafe(link_section = "framegate:api-version")]
            #[used]
            static API_VERSION: [u8; 5] = *b"0.1.0";
        };
    };
}

/// The optional export of a plugin that keeps what it knows when it is swapped.
#[doc(hidden)]
#[macro_export]
macro_rules! __snapshot {
    (check snapshot, $plugin:ty) => {
        const fn keeps<P: $crate::Snapshot>() {}
        keeps::<$plugin>();
    };
    (snapshot, $plugin:ty) => {
        impl $crate::bindings::snapshot::exports::framegate::frame::snapshot::Guest for Component {
            fn save() -> ::std::vec::Vec<u8> {
                SLOT.with(|slot| slot.run(|plugin| Ok($crate::Snapshot::save(plugin)))).unwrap_or_default()
            }

            fn restore(from_version: ::std::string::String, data: ::std::vec::Vec<u8>) -> bool {
                let restored = SLOT.with(|slot| {
                    slot.run(|plugin| Ok($crate::Snapshot::restore(plugin, &from_version, &data)))
                });
                ::std::matches!(restored, Ok($crate::Restored::Taken))
            }
        }

        $crate::bindings::snapshot::export!(Component with_types_in $crate::bindings::snapshot);
    };
}

/// The one export that differs between the worlds.
#[doc(hidden)]
#[macro_export]
macro_rules! __work {
    (filtering, $trait:ident) => {
        use $crate::bindings::filtering::exports::framegate::frame::filtering;

        impl filtering::Guest for Component {
            fn process(
                input: &$crate::bindings::imports::framegate::frame::frames::Frame,
            ) -> ::std::result::Result<filtering::Verdict, Error> {
                let verdict = SLOT.with(|slot| slot.run(|plugin| $crate::run::$trait(plugin, input)));
                match verdict {
                    Ok($crate::Verdict::Pass) => Ok(filtering::Verdict::Pass),
                    Ok($crate::Verdict::Drop) => Ok(filtering::Verdict::Drop),
                    Err(error) => Err(error.into()),
                }
            }
        }
    };
    (detecting, $trait:ident) => {
        use $crate::bindings::detecting::exports::framegate::frame::detecting;

        impl detecting::Guest for Component {
            fn detect(
                input: &$crate::bindings::imports::framegate::frame::frames::Frame,
            ) -> ::std::result::Result<
                ::std::vec::Vec<$crate::bindings::imports::framegate::frame::types::Detection>,
                Error,
            > {
                let found = SLOT.with(|slot| slot.run(|plugin| $crate::run::$trait(plugin, input)));
                Ok(found?.into_iter().map(::std::convert::Into::into).collect())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        /// At least 1.
        size: u8,
    }

    struct Sized(u8);

    impl Plugin for Sized {
        type Settings = Settings;
        const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420];
        fn new(settings: Settings) -> Result<Sized> {
            match settings.size {
                0 => Err(Error::invalid("\"size\" must be at least 1, got 0")),
                size => Ok(Sized(size)),
            }
        }
    }

    #[test]
    fn a_refused_change_of_settings_leaves_the_old_ones() {
        let slot = Slot::<Sized>::empty();
        assert!(slot.run(|_| Ok(())).is_err());
        slot.configure(r#"{"size": 3}"#).unwrap();
        assert!(slot.configure(r#"{"size": 0}"#).is_err());
        assert!(slot.configure(r#"{"sise": 4}"#).unwrap_err().message.contains("sise"));
        assert_eq!(slot.run(|plugin| Ok(plugin.0)).unwrap(), 3);
        slot.configure(r#"{"size": 5}"#).unwrap();
        assert_eq!(slot.run(|plugin| Ok(plugin.0)).unwrap(), 5);
    }

    #[test]
    fn the_schema_says_what_the_settings_are() {
        let about = About::of::<Sized>();
        let schema: serde_json::Value = serde_json::from_str(&about.schema).unwrap();
        assert_eq!(schema["properties"]["size"]["description"], "At least 1.");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(about.formats, [0x3032_3449]);
    }
}
