//! Golden texts: for each `cases/NAME.yaml` exactly what a user sees, in `cases/NAME.txt`.
//!
//! `FRAMEGATE_BLESS=1 cargo test --test graph` writes the texts anew; read the difference before
//! committing it. A first line `# --set …` gives overrides.

use std::fs;

use framegate::cli::findings;

use crate::{cases_folder, load, shown};

fn check(name: &str) {
    let folder = cases_folder();
    let text = fs::read_to_string(folder.join(name).with_extension("yaml")).expect("the case is there");
    let options = text.lines().next().and_then(|line| line.strip_prefix("# --set "));
    let set: Vec<&str> = options.map(|options| options.split(" --set ").collect()).unwrap_or_default();
    let checked = load(&text, &set);
    let summary = findings::summary(&checked.findings).unwrap_or_else(|| "nothing found".to_owned());
    let seen = format!("{}{summary}\n", shown(&checked, &text));
    let errors = checked.findings.iter().any(framegate::diagnostic::Diagnostic::is_error);
    assert_eq!(checked.plan.is_none(), errors, "{name}: a plan, or errors, and never both");
    let golden = folder.join(name).with_extension("txt");
    if std::env::var_os("FRAMEGATE_BLESS").is_some() {
        fs::write(&golden, &seen).expect("the golden text can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(seen == expected, "{name}: seen:\n{seen}\nexpected:\n{expected}");
}

/// One test for each case, and one that no case is left without.
macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(&stringify!($name).replace('_', "-")); })*

        #[test]
        fn every_case_file_is_a_test() {
            let tested: Vec<String> = [$(stringify!($name)),*].iter().map(|name| name.replace('_', "-")).collect();
            let entries = fs::read_dir(cases_folder()).expect("the cases are there");
            let stems = entries.map(|entry| entry.expect("a readable entry").path());
            let stems = stems.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
            for stem in stems.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()) {
                assert!(tested.contains(&stem), "cases/{stem}.yaml has no test");
            }
        }
    };
}

cases! {
    absent_kind
    alias_loop
    ambiguous_port
    bad_id
    bad_unit
    bad_variable
    byte_order_mark
    carets_in_crlf
    carets_in_flow
    carets_in_wide_text
    carets_through_alias
    conversion
    cycle
    decoder
    decoder_strict
    duplicate_id
    duplicate_key
    empty
    everything_at_once
    file_not_found
    formats_disagree
    formats_strict
    include
    include_faults
    inputs_wrong_form
    merge_keys
    misplaced_option
    model_faults
    missing_key
    missing_model
    missing_variable
    missing_variable_overridden
    no_cascade
    no_nodes
    not_a_mapping
    out_of_range
    override_faults
    privacy
    privacy_rule_faults
    reserved_word
    role_misuse
    same_port
    same_target
    second_document
    secret_is_not_shown
    server_faults
    sizes_disagree
    sound
    syntax_flow_variable
    syntax_indent
    syntax_tab
    syntax_no_dash
    syntax_unclosed
    tag
    token_faults
    undriven_node
    unfed_input
    unknown_key
    unknown_kind
    unknown_node
    unknown_plugin
    unknown_port
    unknown_version
    unused_output
    wrong_place
    wrong_type
}
