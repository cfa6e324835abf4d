//! The program `portcullis`: the issuer's command line and server.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
