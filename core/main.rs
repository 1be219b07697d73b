//! The `framegate` program: everything it does is in the library.

fn main() -> std::process::ExitCode {
    framegate::cli::main()
}
