//! The four kinds of errors.

/// The kind of an error, which says who can do something about it. Every crate's error enum has a
/// method `kind()`; callers decide by it, and map it to a status or a message once, at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request or the configuration is wrong: its author has to change it.
    Input,
    /// The request is valid, and is not allowed, or its object does not exist.
    Refused,
    /// Nothing was decided: the same request may succeed later.
    Unavailable,
    /// A system, a file or this program does not behave as it should: its operator has to see to it.
    Internal,
}
