//! The client against an IAM that answers as it is told, and against a certified OpenID provider.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod access_tokens;
mod certified;
mod fake;
mod group_requests;
mod logins;
mod memberships;
mod outages;
mod usernames;
