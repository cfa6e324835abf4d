//! The program `portcullis`: the issuer's rules at the command line, and its server.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
