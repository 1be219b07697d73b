//! What `wit/v0` and `wit/infer` look like from the host's side: generated.
//!
//! Imports come as one world, which every plugin's imports are a part of. Exports come one by one,
//! because plugins differ in which they have. Missing are the interfaces that carry something for each
//! frame: `host::pixels` and `host::annotations` bind them by hand, without a copy in between.

/// What the host lends.
pub mod imports {
    wasmtime::component::bindgen!({
        path: ["wit/v0", "wit/infer"],
        inline: "
            package framegate:host;
            world imports {
                import framegate:frame/frames@0.1.0;
                import framegate:frame/host@0.1.0;
                import framegate:frame/draw@0.1.0;
                import framegate:infer/inference@0.1.0;
            }
        ",
        world: "framegate:host/imports",
        imports: { default: trappable },
        with: {
            "framegate:frame/frames.frame": crate::plugin::lent::Lent,
            "framegate:frame/draw.sprite": crate::pixels::Sprite,
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

/// What a plugin answers that looks and reports.
pub mod detecting {
    wasmtime::component::bindgen!({
        path: "wit/v0",
        inline: "package framegate:host; world exports { export framegate:frame/detecting@0.1.0; }",
        world: "framegate:host/exports",
        with: {
            "framegate:frame/types@0.1.0": crate::plugin::bindings::imports::framegate::frame::types,
            "framegate:frame/frames@0.1.0": crate::plugin::bindings::imports::framegate::frame::frames,
        },
    });
}

/// What a plugin answers that can hand its state to a successor.
pub mod snapshot {
    wasmtime::component::bindgen!({
        path: "wit/v0",
        inline: "package framegate:host; world exports { export framegate:frame/snapshot@0.1.0; }",
        world: "framegate:host/exports",
    });
}

pub use imports::framegate::frame::{draw, frames, host, types};
pub use imports::framegate::infer::inference;
