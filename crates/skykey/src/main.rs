//! The program `skykey`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    skykey::cli::main()
}
