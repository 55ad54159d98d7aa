//! The exit codes of the command; `docs/reference/exit-codes.md` is made of this list.

/// The agent was refused (`EX_NOPERM` of sysexits.h).
pub const REFUSED: u8 = 77;
/// The program of `skykey exec` cannot be run, as shells have it.
pub const NOT_EXECUTABLE: u8 = 126;
/// There is no program of that name, as shells have it.
pub const NOT_FOUND: u8 = 127;
/// The person stopped the command: 128 and the number of SIGINT, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Every exit code, and what it says in a sentence without a full stop.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (
        0,
        "the command succeeded; of `skykey doctor`, every check passed",
    ),
    (
        1,
        "the command failed; standard error says why and what to do",
    ),
    (2, "the arguments are wrong; standard error says which"),
    (
        REFUSED,
        "the agent was refused: of `skykey agent --on-refused exit`, and of `skykey agent status`",
    ),
    (NOT_EXECUTABLE, "the program of `skykey exec` cannot be run"),
    (
        NOT_FOUND,
        "there is no program of that name for `skykey exec`",
    ),
    (
        INTERRUPTED,
        "`skykey cp` was interrupted by Ctrl-C or SIGTERM",
    ),
];
