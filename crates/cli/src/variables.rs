//! The environment variables that skykey knows: those of its own, those of others that it reads, those that it
//! sets for the programs it runs, and those of its tests. `docs/reference/environment.md` is made of this list.

/// The portal to ask.
pub const PORTAL: &str = "SKYKEY_PORTAL";
/// The identity to ask in.
pub const IDENTITY: &str = "SKYKEY_IDENTITY";
/// Whether the desktop's keyring is used.
pub const KEYRING: &str = "SKYKEY_KEYRING";
/// The agent's folder.
pub const AGENT_FOLDER: &str = "SKYKEY_AGENT_FOLDER";
/// The format of the log.
pub const LOG: &str = "SKYKEY_LOG";
/// The agent's process id.
pub const AGENT_PID: &str = "SKYKEY_AGENT_PID";
/// The reason of a refusal.
pub const REFUSED: &str = "SKYKEY_REFUSED";
/// The survey.
pub const SURVEY: &str = "SKYKEY_SURVEY";

/// An environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Who reads or sets it.
    pub side: Side,
    /// What it sets or says, in a sentence without a full stop.
    pub meaning: &'static str,
}

/// Who reads or sets a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `skykey up` and the other commands of operators read it.
    Operator,
    /// A person's commands read it.
    Person,
    /// A person's commands and the agent set it for other programs.
    Set,
    /// The Python module or the status bar of JupyterLab reads it.
    Python,
    /// The tests read it.
    Tests,
}

const fn variable(side: Side, name: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        side,
        meaning,
    }
}

/// Every variable.
pub const VARIABLES: &[Variable] = &[
    variable(
        Side::Operator,
        LOG,
        "the format of the log on standard error, as `--log-format`: `text` or `json`",
    ),
    variable(
        Side::Operator,
        "RUST_LOG",
        "what is logged, as a filter of the crate tracing-subscriber: `skykey=debug`; every command reads it",
    ),
    variable(
        Side::Operator,
        "SSL_CERT_FILE",
        "a PEM file of the certificate authorities to trust instead of the machine's; every command reads it",
    ),
    variable(Side::Operator, "SSL_CERT_DIR", "the same, as a folder"),
    variable(
        Side::Operator,
        "NO_COLOR",
        "if set, `skykey doctor` prints no colours",
    ),
    variable(Side::Person, PORTAL, "the portal to ask, as `--portal`"),
    variable(
        Side::Person,
        IDENTITY,
        "the identity to ask in, as `--identity`: `login`, `hub`, `openstack` or `token-file=FILE`",
    ),
    variable(
        Side::Person,
        KEYRING,
        "whether the desktop's keyring keeps what renews the login, as `--keyring`: `auto` or `never`",
    ),
    variable(
        Side::Person,
        AGENT_FOLDER,
        "the agent's folder, as `--folder`",
    ),
    variable(
        Side::Person,
        "XDG_STATE_HOME",
        "the folder of logins and agents is `skykey` in it; `~/.local/state` unless set",
    ),
    variable(
        Side::Person,
        "XDG_CONFIG_HOME",
        "`skykey setup` finds rclone's configuration in it; `~/.config` unless set",
    ),
    variable(
        Side::Person,
        "XDG_RUNTIME_DIR",
        "the session bus, by which the keyring is found, unless `DBUS_SESSION_BUS_ADDRESS` is set",
    ),
    variable(
        Side::Person,
        "DBUS_SESSION_BUS_ADDRESS",
        "the session bus, by which the keyring is found",
    ),
    variable(Side::Person, "HOME", "the person's folder"),
    variable(
        Side::Person,
        "BROWSER",
        "the browser that `skykey login` opens",
    ),
    variable(
        Side::Person,
        "DISPLAY",
        "if set, there is a desktop, so `skykey login` opens a browser",
    ),
    variable(Side::Person, "WAYLAND_DISPLAY", "the same"),
    variable(
        Side::Person,
        "LC_ALL",
        "the locale; with `C` or `POSIX`, `skykey login` draws no QR code",
    ),
    variable(Side::Person, "LC_CTYPE", "the same, unless `LC_ALL` is set"),
    variable(
        Side::Person,
        "LANG",
        "the same, unless `LC_ALL` or `LC_CTYPE` is set",
    ),
    variable(Side::Person, "SSH_CLIENT", "as `SSH_CONNECTION`"),
    variable(Side::Person, "SSH_TTY", "as `SSH_CONNECTION`"),
    variable(
        Side::Person,
        "SSH_CONNECTION",
        "if set, the person is not at this machine, so `skykey login` shows a link and a code",
    ),
    variable(
        Side::Person,
        "AWS_CONFIG_FILE",
        "the file into which `skykey setup` writes profiles; `~/.aws/config` unless set",
    ),
    variable(
        Side::Person,
        "AWS_SHARED_CREDENTIALS_FILE",
        "the file whose profiles `skykey setup` does not override; `~/.aws/credentials` unless set",
    ),
    variable(
        Side::Person,
        "RCLONE_CONFIG",
        "the file into which `skykey setup` writes a remote",
    ),
    variable(
        Side::Person,
        "S3CMD_CONFIG",
        "the file of s3cmd's settings; `~/.s3cfg` unless set",
    ),
    variable(
        Side::Person,
        "JUPYTERHUB_API_TOKEN",
        "the notebook server's own token of the hub, for `--identity hub`",
    ),
    variable(
        Side::Person,
        "OS_AUTH_URL",
        "Keystone's address, for `--identity openstack`",
    ),
    variable(
        Side::Person,
        "OS_APPLICATION_CREDENTIAL_ID",
        "the application credential, for `--identity openstack`",
    ),
    variable(
        Side::Person,
        "OS_APPLICATION_CREDENTIAL_SECRET",
        "its secret, for `--identity openstack`",
    ),
    variable(
        Side::Person,
        "OS_CACERT",
        "a PEM file of the certificate authorities to trust at Keystone",
    ),
    variable(
        Side::Set,
        AGENT_PID,
        "the process id of the agent, by `skykey agent env`",
    ),
    variable(
        Side::Set,
        SURVEY,
        "the agent's survey, for the command of `--on-refused`",
    ),
    variable(
        Side::Set,
        REFUSED,
        "the reason of a refusal, for the command of `--on-refused`",
    ),
    variable(
        Side::Set,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "the endpoint from which AWS's SDKs get credentials, for the command of `skykey exec` and by `skykey agent env`",
    ),
    variable(
        Side::Set,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "the bearer for that endpoint",
    ),
    variable(
        Side::Set,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "the file with that bearer, by `skykey agent env`",
    ),
    variable(Side::Set, "AWS_ENDPOINT_URL", "the S3 endpoint"),
    variable(Side::Set, "AWS_ENDPOINT_URL_S3", "the S3 endpoint"),
    variable(Side::Set, "S3_ENDPOINT_URL", "the S3 endpoint, for s5cmd"),
    variable(Side::Set, "AWS_DEFAULT_REGION", "its region"),
    variable(Side::Set, "AWS_REGION", "its region"),
    variable(
        Side::Set,
        "AWS_CONFIG_FILE",
        "`/dev/null`, so that no profile of other keys is used",
    ),
    variable(Side::Set, "AWS_SHARED_CREDENTIALS_FILE", "the same"),
    variable(
        Side::Set,
        "AWS_EC2_METADATA_DISABLED",
        "`true`, so that a refusal does not end in a search for a cloud",
    ),
    variable(
        Side::Python,
        PORTAL,
        "the portal whose leases the status bar shows, where the endpoint does not name it",
    ),
    variable(
        Side::Python,
        SURVEY,
        "the survey whose leases the status bar shows, where the endpoint does not name it",
    ),
    variable(
        Side::Tests,
        "SKYKEY_CACHE",
        "the folder of clients and builds that `tests/run` keeps; `~/.cache/skykey` unless set",
    ),
    variable(
        Side::Tests,
        "SKYKEY_BIN",
        "the program that the stories run",
    ),
    variable(Side::Tests, "SKYKEY_STATIC", "the static program"),
    variable(Side::Tests, "SKYKEY_WHEELS", "the folder of the wheels"),
    variable(Side::Tests, "SKYKEY_AWS", "the aws command line"),
    variable(Side::Tests, "SKYKEY_OPENSTACK", "the openstack command"),
    variable(
        Side::Tests,
        "SKYKEY_NOTEBOOK",
        "the `bin` folder of the environment with JupyterLab",
    ),
    variable(
        Side::Tests,
        "SKYKEY_JUPYTERHUB",
        "the `bin` folder of the environment with JupyterHub",
    ),
    variable(
        Side::Tests,
        "SKYKEY_JUPYTERHUB55",
        "the same with JupyterHub 5.5",
    ),
    variable(Side::Tests, "SKYKEY_HTTP_PROXY", "JupyterHub's proxy"),
    variable(
        Side::Tests,
        "SKYKEY_HUBS_SWAPPED",
        "runs the tests of the hub with the other release of JupyterHub",
    ),
    variable(
        Side::Tests,
        "SKYKEY_OPENID_PROVIDER",
        "the folder of a certified OpenID provider",
    ),
    variable(
        Side::Tests,
        "SKYKEY_REALSTACK",
        "the file of a running real stack, as `tests/realstack/up` writes it",
    ),
    variable(
        Side::Tests,
        "SKYKEY_PATIENT",
        "if set, the tests of the doctor wait five minutes for Echo's cache",
    ),
    variable(
        Side::Tests,
        "SKYKEY_SCREENSHOTS",
        "the folder into which the tests of JupyterLab write pictures",
    ),
    variable(
        Side::Tests,
        "SKYKEY_MEASURE_DIR",
        "the folder in which measurements keep their state",
    ),
    variable(
        Side::Tests,
        "SKYKEY_RECORD",
        "`1` records the examples of `docs/api.md` anew from a running portal",
    ),
    variable(
        Side::Tests,
        "SKYKEY_WRITE_CLIENTS",
        "if set, `tests/run clients` writes the table of `docs/clients.md`",
    ),
    variable(
        Side::Tests,
        "SKYKEY_UPDATE_HELP",
        "if set, the test of `--help` writes its files",
    ),
    variable(
        Side::Tests,
        "UPDATE_REFERENCE",
        "if set, the test of these pages writes them",
    ),
];
