//! Publishing the surveys' images when skykey starts.

use std::path::Path;

use anyhow::{Context, bail};
use skykey_store::{Attributes, ObjectStore, Precondition, StoreError};
use skykey_types::BucketName;

use crate::config::{ConfiguredSurvey, Images};

/// The seed of the demo's sky: the same stars on every machine.
const SEED: u64 = 20_130_505;

/// Makes the survey's buckets, and publishes its images in the first.
pub(super) async fn publish(
    store: &dyn ObjectStore,
    configured: &ConfiguredSurvey,
) -> anyhow::Result<()> {
    let survey = &configured.survey;
    for prefix in &survey.prefixes {
        store.create_bucket(&prefix.bucket).await?;
    }
    let Some(place) = survey.prefixes.first() else {
        return Ok(());
    };
    match &configured.images {
        Images::Nowhere => Ok(()),
        Images::Rendered => render(store, &place.bucket).await,
        Images::Folder(folder) => publish_folder(store, &place.bucket, &place.prefix, folder).await,
    }
}

/// Renders what is missing of the demo's sky.
async fn render(store: &dyn ObjectStore, bucket: &BucketName) -> anyhow::Result<()> {
    for image in skykey_fits::demo_images(SEED) {
        if store.head(bucket.as_str(), &image.key).await?.is_some() {
            continue;
        }
        let key = image.key.clone();
        let bytes = tokio::task::spawn_blocking(move || image.render()).await?;
        let mut writer = store
            .begin_write(bucket.as_str(), &key, Some(bytes.len() as u64))
            .await?;
        writer.write(bytes.into()).await?;
        let attributes = Attributes {
            content_type: Some("application/fits".to_owned()),
            ..Attributes::default()
        };
        // A curator may have put one there in the meantime; theirs stays.
        match writer.commit(attributes, Precondition::IfAbsent).await {
            Ok(_) | Err(StoreError::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn publish_folder(
    store: &dyn ObjectStore,
    bucket: &BucketName,
    prefix: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    let shown = folder.display();
    if !folder.is_dir() {
        bail!("the images' folder {shown} is not there, or is not a folder");
    }
    let imported = skykey_store::import(store, bucket.as_str(), prefix, folder)
        .await
        .with_context(|| format!("cannot publish {shown}"))?;
    tracing::info!(folder = %shown, %bucket, added = imported.added, unchanged = imported.unchanged, "images published");
    if imported.skipped > 0 {
        tracing::warn!(folder = %shown, skipped = imported.skipped, "links and special files are not published");
    }
    Ok(())
}
