//! The ways to misbehave. One list for the plugin, which needs code for each, and for
//! `tests/plugin`, which needs a test for each: a name without one does not compile.

/// Calls `$use!` with every mode.
#[macro_export]
macro_rules! modes {
    ($use:ident) => {
        $use! {
            // Time.
            endless_loop, endless_loop_each_time, endless_loop_in_configure, host_call_flood, memory_fill, sleep,
            // Memory and stack.
            memory_bomb, recursion,
            // Giving up.
            panic, panic_in_drop, panic_in_configure, abort, exit, unreachable,
            // Pixels.
            wrong_length, rows_past_the_end, no_such_plane, partial_then_panic, partial_then_error,
            partial_then_drop, giant_write, giant_sample, costly_sample, empty_sample,
            // What is found.
            nan_box, infinite_box, negative_box, huge_box, score_of_two, long_label, detection_flood,
            tag_flood, giant_tag, forged_look,
            // Drawing.
            draw_flood, sprite_flood, giant_sprites, wrong_sprite, extreme_rectangles,
            // Talking.
            log_flood, giant_log, long_line, terminal_escapes, metric_flood, output_flood,
            // Reaching out.
            read_input, environment, files, network,
            // Settings.
            refuse_settings
        }
    };
}
