//! Who makes a request: a person with an access token of the IAM, or a machine of theirs with a token of Keystone.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use skykey_broker::{Caller, Denied, Issued, LeaseFields, Machine, NotAMachine};
use skykey_serve::ClientAddr;
use skykey_types::{RequestId, Secret};

use super::Bearer;
use crate::Portal;
use crate::error::Problem;
use crate::request_id::id_of;

/// Keystone's own header for its tokens.
const KEYSTONE_TOKEN: &str = "x-auth-token";

/// The person or machine whose token the request carries.
pub(crate) enum ApiCaller {
    /// With an access token of the IAM.
    Person(Caller),
    /// With a token of Keystone, from an application credential.
    Machine(Arc<Machine>),
}

impl ApiCaller {
    /// Returns whose leases and surveys it is about.
    pub(crate) fn caller(&self) -> &Caller {
        match self {
            Self::Person(caller) => caller,
            Self::Machine(machine) => machine.owner(),
        }
    }

    /// Issues a lease, by the rules for the caller.
    pub(crate) async fn issue(
        &self,
        portal: &Portal,
        fields: &LeaseFields,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        let broker = &portal.broker;
        let request = broker
            .parse_request(self.caller(), fields, request_id)
            .await?;
        match self {
            Self::Person(caller) => broker.issue(caller, &request, request_id).await,
            Self::Machine(machine) => broker.issue_to_machine(machine, &request, request_id).await,
        }
    }
}

impl FromRequestParts<Arc<Portal>> for ApiCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Problem> {
        let mut tokens = parts.headers.get_all(KEYSTONE_TOKEN).iter();
        let Some(token) = tokens.next() else {
            let Bearer(caller) = Bearer::from_request_parts(parts, portal).await?;
            return Ok(Self::Person(caller));
        };
        if tokens.next().is_some() || parts.headers.contains_key(header::AUTHORIZATION) {
            return Err(Problem::bad_request(
                "the request has more than one token",
                "send either 'Authorization: Bearer …' or 'X-Auth-Token: …'",
            ));
        }
        let token = token.to_str().map(Secret::new);
        let token = token.map_err(|_| Denied::from(NotAMachine::Unknown))?;
        let client = parts.extensions.get::<ClientAddr>().copied();
        let now = portal.broker.clock().now();
        if let Some(client) = client {
            portal.wrong_keystone_tokens.admit(client, now)?;
        }
        match portal.broker.machine(&token, &id_of(parts)).await {
            Ok(machine) => Ok(Self::Machine(machine)),
            Err(denied) => {
                // Each one costs a request to Keystone.
                if let (Some(client), Denied::NotAMachine(NotAMachine::Unknown)) = (client, &denied)
                {
                    portal.wrong_keystone_tokens.count(client, &token, now);
                }
                Err(denied.into())
            }
        }
    }
}
