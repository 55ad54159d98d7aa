//! What to do about a system that cannot be reached, or not safely: those who run the site mend it, everybody else
//! looks at their own side and then tells them.

/// Whom the words are for.
#[derive(Debug, Clone, Copy)]
pub enum Advice {
    /// Somebody who runs skykey.
    Operator {
        /// Where the system's address is in the configuration: `[echo] endpoint`.
        key: &'static str,
    },
    /// Somebody at their own machine.
    Person,
}

impl Advice {
    pub(crate) fn in_trouble(self, name: &str) -> String {
        match self {
            Self::Operator { .. } => {
                format!("{name}, or a proxy before it, is in trouble; see its own log")
            }
            Self::Person => format!(
                "{name} is in trouble; try again in a few minutes, then tell the people who run it"
            ),
        }
    }

    pub(crate) fn unreachable(self, name: &str) -> String {
        match self {
            Self::Operator { key } => format!(
                "compare the address with {key}, then see whether {name} runs and no firewall is between"
            ),
            Self::Person => "see that the address is right and this machine is online; behind a firewall, ask its people to let it through".to_owned(),
        }
    }

    pub(crate) fn silent(self, name: &str) -> String {
        match self {
            Self::Operator { key } => format!(
                "see whether {name} runs and no firewall is between, and that {key} is its address"
            ),
            Self::Person => {
                "see that this machine is online, and try again in a few minutes".to_owned()
            }
        }
    }

    pub(crate) fn no_trust(self, name: &str) -> String {
        match self {
            Self::Operator { key } => {
                let table = key.split(']').next().unwrap_or_default();
                format!(
                    "if its certificate is of an authority of your own, name that in {table}] authorities; if it has ended or is for another name, {name} needs a new one; if there is no TLS at all, write http:// in {key}"
                )
            }
            Self::Person => format!(
                "the certificate of {name} is not trusted here: check this machine's clock and network, then tell the people who run it"
            ),
        }
    }

    pub(crate) fn in_clear(self, name: &str) -> String {
        match self {
            Self::Operator { key } => format!("write the https address of {name} in {key}"),
            Self::Person => format!("ask the people who run {name} for an https address"),
        }
    }

    /// Clocks are more than a minute apart; `too_far`, more than signatures forgive.
    pub(crate) fn clock(self, name: &str, too_far: bool) -> String {
        let refused = if too_far {
            "signatures are refused"
        } else {
            "from 15 minutes on, signatures are refused"
        };
        let set = "set this machine's clock (timedatectl set-ntp true)";
        match self {
            Self::Operator { .. } => format!(
                "{set}; if the other systems agree with it, tell the operators of {name}; {refused}"
            ),
            Self::Person => format!("{set}: {refused}"),
        }
    }
}
