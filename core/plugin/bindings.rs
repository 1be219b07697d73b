//! What `wit/v0` and `wit/infer` look like from the host's side: generated.
//!
//! Imports come as one world, which every plugin's imports are a part of. Exports come one by one,
//! because plugins differ in which they have. Missing are the interfaces that carry something for each
//! frame: the files of `host` bind them by hand, without a copy in between.

/// What the host lends.
pub mod imports {
    wasmtime::component::bindgen!({
        path: ["wit/v0", "wit/infer"],
        inline: "
            package framegate:host;
            world imports {
                import framegate:frame/frames@0.1.0;
                import framegate:infer/inference@0.1.0;
            }
        ",
        world: "framegate:host/imports",
        imports: { default: trappable },
        with: {
            "framegate:frame/frames.frame": crate::plugin::lent::Lent,
            "framegate:infer/inference.model": crate::plugin::host::Opened,
        },
    });
}

/// What every plugin answers: what it is, and whether it takes these settings.
pub mod lifecycle {
    wasmtime::component::bindgen!({
        path: "wit/v0",
        inline: "package framegate:host; world exports { export framegate:frame/lifecycle@0.1.0; }",
        world: "framegate:host/exports",
        with: {
            "framegate:frame/types@0.1.0": crate::plugin::bindings::imports::framegate::frame::types,
        },
    });
}

/// What a plugin answers that a frame passes through.
pub mod filtering {
    wasmtime::component::bindgen!({
        path: "wit/v0",
        inline: "package framegate:host; world exports { export framegate:frame/filtering@0.1.0; }",
        world: "framegate:host/exports",
        with: {
            "framegate:frame/types@0.1.0": crate::plugin::bindings::imports::framegate::frame::types,
            "framegate:frame/frames@0.1.0": crate::plugin::bindings::imports::framegate::frame::frames,
        },
    });
}

/// What a plugin answers that looks and reports: bound by hand, as what it found comes with each frame.
pub mod detecting {
    use wasmtime::Store;
    use wasmtime::component::{Instance, Resource, TypedFunc};

    use super::types::Error;
    use crate::plugin::lent::Lent;
    use crate::plugin::lifted::Found;

    const INTERFACE: &str = "framegate:frame/detecting@0.1.0";

    pub type Detect = TypedFunc<(Resource<Lent>,), (Result<Found, Error>,)>;

    /// # Errors
    /// When the plugin is no detector.
    pub fn detect<T>(store: &mut Store<T>, instance: &Instance) -> wasmtime::Result<Detect> {
        let interface = instance.get_export_index(&mut *store, None, INTERFACE);
        let detect = interface.and_then(|it| instance.get_export_index(&mut *store, Some(&it), "detect"));
        let detect = detect.ok_or_else(|| wasmtime::Error::msg(format!("it does not export {INTERFACE}")))?;
        instance.get_typed_func(store, detect)
    }
}

/// What a plugin answers that can hand its state to a successor.
pub mod snapshot {
    wasmtime::component::bindgen!({
        path: "wit/v0",
        inline: "package framegate:host; world exports { export framegate:frame/snapshot@0.1.0; }",
        world: "framegate:host/exports",
    });
}

pub use imports::framegate::frame::{frames, types};
pub use imports::framegate::infer::inference;
