//! The program: the command line, the configuration, and the one place where everything is wired
//! together. It holds no rules of its own: who may do what is the broker's, each protocol has its
//! crate. What always holds: one process owns a state directory at a time; what it prints for
//! people goes to standard output, what it logs to standard error, and neither holds a secret but
//! for the passwords of the embedded people, which are shown to whoever started it, and the
//! credentials that a person asks for with `skykey credentials`.

pub mod cli;
pub mod config;
pub mod doctor;
mod man;
pub mod up;
