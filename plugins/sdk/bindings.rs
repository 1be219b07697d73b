//! What `wit/v0` and `wit/infer` look like in Rust: generated, and of no concern to authors.
//!
//! One set of imports serves every plugin, since a toolchain leaves out what is not used; the
//! exports come one by one, because what a plugin's world exports must be there.

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod imports {
    wit_bindgen::generate!({
        path: ["../../wit/v0", "../../wit/infer"],
        inline: "
            package framegate:sdk;
            world imports {
                import framegate:frame/types@0.1.0;
                import framegate:frame/frames@0.1.0;
                import framegate:frame/host@0.1.0;
                import framegate:frame/pixels-read@0.1.0;
                import framegate:frame/pixels-write@0.1.0;
                import framegate:frame/draw@0.1.0;
                import framegate:frame/annotations@0.1.0;
                import framegate:infer/inference@0.1.0;
            }
        ",
        world: "framegate:sdk/imports",
        generate_all,
    });
}

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit/v0",
        inline: "
            package framegate:sdk-lifecycle;
            world lifecycle {
                export framegate:frame/lifecycle@0.1.0;
            }
        ",
        world: "framegate:sdk-lifecycle/lifecycle",
        with: {
            "framegate:frame/types@0.1.0": crate::bindings::imports::framegate::frame::types,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "framegate_sdk::bindings::lifecycle",
    });
}

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod filtering {
    wit_bindgen::generate!({
        path: "../../wit/v0",
        inline: "
            package framegate:sdk-filtering;
            world filtering {
                export framegate:frame/filtering@0.1.0;
            }
        ",
        world: "framegate:sdk-filtering/filtering",
        with: {
            "framegate:frame/types@0.1.0": crate::bindings::imports::framegate::frame::types,
            "framegate:frame/frames@0.1.0": crate::bindings::imports::framegate::frame::frames,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "framegate_sdk::bindings::filtering",
    });
}

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod detecting {
    wit_bindgen::generate!({
        path: "../../wit/v0",
        inline: "
            package framegate:sdk-detecting;
            world detecting {
                export framegate:frame/detecting@0.1.0;
            }
        ",
        world: "framegate:sdk-detecting/detecting",
        with: {
            "framegate:frame/types@0.1.0": crate::bindings::imports::framegate::frame::types,
            "framegate:frame/frames@0.1.0": crate::bindings::imports::framegate::frame::frames,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "framegate_sdk::bindings::detecting",
    });
}

#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod snapshot {
    wit_bindgen::generate!({
        path: "../../wit/v0",
        inline: "
            package framegate:sdk-snapshot;
            world snapshot {
                export framegate:frame/snapshot@0.1.0;
            }
        ",
        world: "framegate:sdk-snapshot/snapshot",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "framegate_sdk::bindings::snapshot",
    });
}
