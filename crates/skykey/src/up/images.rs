//! Publishing the surveys' images when skykey starts.

use std::path::Path;

use anyhow::{Context, bail};
use skykey_store::ObjectStore;
use skykey_types::BucketName;

use crate::config::{ConfiguredSurvey, Images};

/// The seed of the demo's sky: the same stars on every machine.
const SEED: u64 = 2013_05_05;

/// Makes the survey's buckets, and publishes its images in the first.
pub(super) async fn publish(store: &dyn ObjectStore, configured: &ConfiguredSurvey) -> anyhow::Result<()> {
    let survey = &configured.survey;
    for prefix in &survey.prefixes {
        store.create_bucket(&prefix.bucket).await?;
    }
    let Some(place) = survey.prefixes.first() else { return Ok(()) };
    match &configured.images {
        Images::Nowhere => Ok(()),
        Images::Rendered => render(store, &place.bucket).await,
        Images::Folder(folder) => publish_folder(store, &place.bucket, &place.prefix, folder).await,
    }
}
