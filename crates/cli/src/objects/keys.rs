//! The credentials of `ls`, `cat` and `cp`: a lease that is renewed while a command runs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use skykey_client::{Client, ClientError, CredentialsRequest, GrantedLease, Place};
use skykey_transfer::{CredentialsProvider, NoCredentials};
use skykey_types::{AccessKeyId, Credentials, SignedDuration, SurveyName};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Interval between two checks of the lease: shorter than the portal takes to see a removal.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How often the client asks the portal after the store refused the credentials. The store learns
/// of the end of a lease a little before the portal's list shows it.
const PORTAL_TRIES: u32 = 3;
/// Pause between two of these tries.
const PORTAL_TRY_PAUSE: Duration = Duration::from_millis(300);
/// A lease that writes is replaced when this much is left.
const MIN_VALIDITY: SignedDuration = SignedDuration::from_mins(5);

/// A survey's credentials, from the client's keeping, or of leases of their own that write.
#[derive(Debug)]
pub(super) struct Lease {
    client: Arc<Client>,
    survey: SurveyName,
    write: bool,
    last: Mutex<Option<(Instant, GrantedLease)>>,
    /// Leases that write, to be given back.
    made: Mutex<Vec<String>>,
}

impl Lease {
    pub(super) fn reading(client: Arc<Client>, survey: SurveyName) -> Self {
        Self::new(client, survey, false)
    }

    pub(super) fn writing(client: Arc<Client>, survey: SurveyName) -> Self {
        Self::new(client, survey, true)
    }

    fn new(client: Arc<Client>, survey: SurveyName, write: bool) -> Self {
        Self {
            client,
            survey,
            write,
            last: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// Where it is good.
    pub(super) async fn place(&self) -> Result<Place, ClientError> {
        Ok(self.granted().await?.place)
    }

    /// The lease that is good now.
    pub(super) async fn granted(&self) -> Result<GrantedLease, ClientError> {
        let mut last = self.last.lock().await;
        if let Some((since, granted)) = &*last
            && self.is_good(*since, granted)
        {
            return Ok(granted.clone());
        }
        let granted = if self.write {
            self.another().await?
        } else {
            self.client.credentials(&self.wish()).await?
        };
        *last = Some((Instant::now(), granted.clone()));
        Ok(granted)
    }

    /// Ends the leases that write, so that they are not there longer than they are needed.
    pub(super) async fn give_back(&self) {
        for id in self.made.lock().await.drain(..) {
            // It ends by itself soon.
            let _ = self.client.give_back(&id).await;
        }
    }

    fn is_good(&self, since: Instant, granted: &GrantedLease) -> bool {
        if !self.write {
            return since.elapsed() < CHECK_INTERVAL;
        }
        let now = self.client.clock().now();
        granted
            .credentials
            .expiration
            .is_none_or(|end| end.duration_since(now) > MIN_VALIDITY)
    }

    async fn another(&self) -> Result<GrantedLease, ClientError> {
        let granted = self.client.lease_to_write(&self.survey).await?;
        self.made.lock().await.push(granted.lease.id.clone());
        Ok(granted)
    }

    async fn in_place_of(&self, refused: &AccessKeyId) -> Result<GrantedLease, ClientError> {
        let mut last = self.last.lock().await;
        if let Some((_, granted)) = &*last
            && granted.credentials.access_key_id != *refused
        {
            return Ok(granted.clone());
        }
        let mut asked = 1;
        let granted = loop {
            let granted = if self.write {
                match &*last {
                    Some((_, granted)) if self.is_live(&granted.lease.id).await? => granted.clone(),
                    _ => self.another().await?,
                }
            } else {
                self.client
                    .credentials_after_refusal(&self.wish(), refused)
                    .await?
            };
            if granted.credentials.access_key_id != *refused || asked == PORTAL_TRIES {
                break granted;
            }
            asked += 1;
            tokio::time::sleep(PORTAL_TRY_PAUSE).await;
        };
        *last = Some((Instant::now(), granted.clone()));
        Ok(granted)
    }

    async fn is_live(&self, id: &str) -> Result<bool, ClientError> {
        let leases = self.client.leases().await?;
        Ok(leases
            .iter()
            .any(|lease| lease.id == id && lease.state == "live"))
    }

    fn wish(&self) -> CredentialsRequest {
        CredentialsRequest {
            survey: self.survey.clone(),
            lifetime: None,
        }
    }
}

#[async_trait]
impl CredentialsProvider for Lease {
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials> {
        keys(self.granted().await)
    }

    async fn after_refusal(
        &self,
        refused: &AccessKeyId,
    ) -> Result<Arc<Credentials>, NoCredentials> {
        keys(self.in_place_of(refused).await)
    }
}

fn keys(granted: Result<GrantedLease, ClientError>) -> Result<Arc<Credentials>, NoCredentials> {
    match granted {
        Ok(granted) => Ok(Arc::new(granted.credentials)),
        Err(error) => Err(NoCredentials {
            message: error.to_string(),
            hint: error.hint(),
        }),
    }
}
