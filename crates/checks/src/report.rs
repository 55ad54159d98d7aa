//! What was found, for people and for programs.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, which stays the same; docs/doctor.md lists them.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was seen; begins with `skipped: ` if something else was in the way.
    pub found: String,
    /// What to do; nothing if all is well or something else is in the way.
    pub remedy: Option<String>,
}

/// Everything that was looked at, in its order.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
    /// Whether it was ended before its time.
    #[serde(skip)]
    pub interrupted: bool,
}

impl Check {
    /// Whether it was not done, because something else was in the way.
    pub fn is_skipped(&self) -> bool {
        !self.ok && self.remedy.is_none()
    }
}

impl Report {
    /// Whether everything is as it should be.
    pub fn is_well(&self) -> bool {
        !self.interrupted && self.checks.iter().all(|check| check.ok)
    }

    /// What is wrong, in a sentence; nothing if all is well.
    pub fn complaint(&self) -> Option<String> {
        let count = |which: fn(&Check) -> bool| self.checks.iter().filter(|c| which(c)).count();
        let failed = count(|check| !check.ok && !check.is_skipped());
        let skipped = count(Check::is_skipped);
        let first = self.checks.iter().find(|check| !check.ok)?;
        let all = self.checks.len();
        let not_done = match skipped {
            0 => String::new(),
            skipped => format!(", and {skipped} could not be done"),
        };
        Some(format!(
            "{failed} of {all} checks failed{not_done}; begin with {}",
            first.name
        ))
    }
}

/// A table that grows as checks are done.
pub struct Table {
    width: usize,
    colour: bool,
}

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const GREY: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

impl Table {
    /// Wide enough for every check of these surveys. Colour only for a terminal whose owner does not mind
    /// (<https://no-color.org>).
    pub fn new<'n>(surveys: impl Iterator<Item = &'n str>) -> Self {
        let longest = surveys.map(str::len).max().unwrap_or_default();
        Self {
            width: "keystone-delegated-tokens"
                .len()
                .max("survey--read-only".len() + longest),
            colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Prints the check's line to standard output.
    pub fn line(&mut self, check: &Check) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.text(check).as_bytes())?;
        out.flush()
    }

    fn text(&self, check: &Check) -> String {
        let (mark, colour) = match (check.ok, check.is_skipped()) {
            (true, _) => ('✔', GREEN),
            (false, true) => ('–', GREY),
            (false, false) => ('✘', RED),
        };
        let (colour, plain) = if self.colour {
            (colour, PLAIN)
        } else {
            ("", "")
        };
        let Check {
            name,
            took_ms,
            found,
            remedy,
            ..
        } = check;
        let width = self.width;
        let mut text = format!("{colour}{mark}{plain} {name:<width$} {took_ms:>6} ms  {found}\n");
        if let Some(remedy) = remedy {
            text.push_str("    → ");
            text.push_str(remedy);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, ok: bool, remedy: Option<&str>) -> Check {
        Check {
            name: name.to_owned(),
            ok,
            took_ms: 12,
            found: "seen".to_owned(),
            remedy: remedy.map(str::to_owned),
        }
    }

    #[test]
    fn a_line_is_aligned_and_a_remedy_is_below_it() {
        let table = |colour| Table { width: 9, colour };
        assert_eq!(
            table(false).text(&check("iam", true, None)),
            "✔ iam           12 ms  seen\n"
        );
        assert_eq!(
            table(false).text(&check("echo-clock", false, Some("set it"))),
            "✘ echo-clock     12 ms  seen\n    → set it\n"
        );
        assert_eq!(
            table(true).text(&check("x", false, None)),
            "\x1b[2m–\x1b[0m x             12 ms  seen\n"
        );
    }

    #[test]
    fn a_complaint_counts_and_names_the_first_cause() {
        let mut report = Report {
            checks: vec![check("a", true, None)],
            interrupted: false,
        };
        assert!(report.is_well() && report.complaint().is_none());
        report.checks.push(check("b", false, Some("do")));
        report.checks.push(check("c", false, None));
        assert_eq!(
            report.complaint().unwrap(),
            "1 of 3 checks failed, and 1 could not be done; begin with b"
        );
        assert!(!report.is_well());
    }

    #[test]
    fn programs_read_five_fields() {
        let json = serde_json::to_value(check("a", true, None)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"name": "a", "ok": true, "took_ms": 12, "found": "seen", "remedy": null})
        );
    }
}
