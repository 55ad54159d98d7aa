//! What a client must know before it can log in.

use skykey_types::LoginPorts;

use crate::described::api_types;

api_types! {
    /// What a client must know before it can log in.
    pub struct Site {
        /// The portal's own address, as people type it.
        pub portal: String,
        /// The IAM's issuer, exactly as its tokens spell it.
        pub issuer: String,
        /// The public client at the IAM to log in with; missing where the site offers none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub client_id: Option<String>,
        /// The ports of the person's own machine to which that client may send a browser back
        /// (RFC 8252 §7.3); missing where it logs in by device code alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub login_ports: Option<LoginPorts>,
        /// The S3 endpoint.
        pub s3: String,
        /// The region of the S3 endpoint.
        pub region: String,
        /// Whether a machine may lease with a Keystone token of an application credential.
        #[serde(default)]
        pub application_credentials: bool,
        /// The version of skykey at the portal.
        pub version: String,
    }
}
