//! Echo as the broker's [`Prover`].

use async_trait::async_trait;
use skykey_broker::{PortError, Proof, Prover};
use skykey_echo::{Echo, ProofPlan, Verdict};
use skykey_types::{Credentials, Survey};

/// Proves at Echo what credentials can do.
pub struct EchoProver(pub Echo);

#[async_trait]
impl Prover for EchoProver {
    async fn prove(&self, credentials: &Credentials, survey: &Survey) -> Result<Proof, PortError> {
        let plan = ProofPlan {
            prefixes: survey.prefixes.clone(),
            renewal_refused: credentials.session_token.is_some(),
            tidy: None,
        };
        let proof = skykey_echo::prove(&self.0, credentials, &plan).await;
        for left in &proof.left {
            tracing::error!(survey = %survey.name, left, "the proof could not take away what it was able to make");
        }
        Ok(match proof.verdict() {
            Verdict::ReadOnly => Proof::ReadOnly,
            Verdict::Writes(operations) => {
                Proof::Writes(operations.iter().map(ToString::to_string).collect())
            }
            Verdict::Unreadable(why) => Proof::Unreadable(why),
            Verdict::Unclear(why) => Proof::Unclear(why),
        })
    }
}
