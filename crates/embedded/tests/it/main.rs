//! The stand-ins, driven over HTTP as their clients drive them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test by panicking"
)]

mod iam_authorize;
mod iam_client;
mod iam_device;
mod iam_discovery;
mod iam_group_requests;
mod iam_pages;
mod iam_people;
mod iam_scim;
mod iam_tokens;
mod iam_world;
mod keystone_app_credentials;
mod keystone_client;
mod keystone_ec2;
mod keystone_login;
mod keystone_lookups;
mod keystone_port;
mod keystone_signed;
mod keystone_world;
