//! The command's environment.

use std::process::Command;

use skykey_client::Place;

use super::endpoint::Endpoint;

/// Every tool looks at these before it asks the endpoint.
const IN_THE_WAY: [&str; 14] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Points every tool at the endpoint and the site, and takes away whatever would go before it: also the
/// person's own `~/.aws`, whose default profile may hold keys of another place.
pub(super) fn prepare(command: &mut Command, endpoint: &Endpoint, place: &Place) {
    for name in IN_THE_WAY {
        command.env_remove(name);
    }
    let s3 = place.endpoint.trim_end_matches('/');
    command
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url())
        .env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            endpoint.bearer().expose(),
        )
        .env("AWS_ENDPOINT_URL", s3)
        .env("AWS_ENDPOINT_URL_S3", s3)
        .env("S3_ENDPOINT_URL", s3)
        .env("AWS_DEFAULT_REGION", &place.region)
        .env("AWS_REGION", &place.region)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_CONFIG_FILE", "/dev/null")
        // A refusal should not end in a long search for a cloud.
        .env("AWS_EC2_METADATA_DISABLED", "true");
}
