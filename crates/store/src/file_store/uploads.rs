//! Multipart uploads: parts in files until an object is made of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use md5::{Digest, Md5};
use skykey_types::{Timestamp, random_bytes};

use super::bucket::Bucket;
use super::record;
use super::volume::{Synced, Volume};
use crate::{
    Attributes, Completion, MIN_PART_BYTES, ObjectInfo, PartInfo, StoreError, UploadId, UploadInfo,
};

/// Bucket, key, upload: the order of a listing.
type Place = (String, String, UploadId);

pub(super) struct Uploads {
    dir: PathBuf,
    open: RwLock<BTreeMap<Place, Arc<Upload>>>,
}

pub(super) struct Upload {
    pub(super) info: Arc<UploadInfo>,
    dir: PathBuf,
    /// `None` once the upload has ended. Held while an object is made of the parts.
    parts: Mutex<Option<Parts>>,
}

pub(super) type Parts = BTreeMap<u16, Part>;

pub(super) struct Part {
    pub(super) info: PartInfo,
    pub(super) generation: u64,
}

impl Uploads {
    pub(super) const FILE: &str = "upload.json";

    pub(super) fn new(dir: PathBuf, uploads: Vec<Upload>) -> Self {
        let open = uploads
            .into_iter()
            .map(|upload| (place(&upload.info), Arc::new(upload)))
            .collect();
        Self {
            dir,
            open: RwLock::new(open),
        }
    }

    pub(super) fn create(
        &self,
        volume: &Volume,
        bucket: String,
        key: String,
        attributes: Attributes,
        now: Timestamp,
    ) -> Result<UploadId, StoreError> {
        let micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
        let id = UploadId::from_text(format!("{micros:016x}{}", hex::encode(random_bytes::<8>())));
        let info = UploadInfo {
            bucket,
            key,
            id: id.clone(),
            initiated: now,
            attributes,
        };
        let content = serde_json::to_vec(&info)
            .expect("an upload is JSON: text for keys and no values that can fail");

        let building = volume.temp_path();
        if let Err(error) = Self::build(volume, &building, &content) {
            volume.discard_dir(&building);
            return Err(error);
        }
        let dir = self.dir.join(id.as_str());
        volume.publish_dir(&building, &dir)?;

        let upload = Upload::new(dir, info, Parts::new());
        self.open
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(place(&upload.info), Arc::new(upload));
        Ok(id)
    }

    fn build(volume: &Volume, building: &Path, content: &[u8]) -> Result<(), StoreError> {
        let made = volume.disk.create_dir_all(building);
        made.map_err(StoreError::io("create", building))?;
        let file = volume.temp_at(building.join(Self::FILE))?;
        file.append(content)?;
        file.sync(volume, 0)?.keep();
        volume.sync_dir(building)
    }

    pub(super) fn find(
        &self,
        bucket: &str,
        key: &str,
        id: &UploadId,
    ) -> Result<Arc<Upload>, StoreError> {
        let place = (bucket.to_owned(), key.to_owned(), id.clone());
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&place).cloned().ok_or_else(|| no_such(id))
    }

    pub(super) fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<(&str, &UploadId)>,
        limit: usize,
    ) -> Vec<Arc<UploadInfo>> {
        let place = |key: &str, id: &UploadId| (bucket.to_owned(), key.to_owned(), id.clone());
        let from = match after {
            Some((key, id)) if key >= prefix => Bound::Excluded(place(key, id)),
            _ => Bound::Included(place(prefix, &UploadId::from_text(""))),
        };
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.range((from, Bound::Unbounded))
            .take_while(|((in_bucket, key, _), _)| in_bucket == bucket && key.starts_with(prefix))
            .take(limit)
            .map(|(_, upload)| Arc::clone(&upload.info))
            .collect()
    }

    /// Makes an object of the parts, durably, and then ends the upload. After a crash in between,
    /// the object is there and the upload is still open.
    pub(super) fn complete(
        &self,
        volume: &Volume,
        bucket: &Bucket,
        upload: &Upload,
        completion: Completion,
        now: Timestamp,
    ) -> Result<ObjectInfo, StoreError> {
        let mut parts = upload.lock();
        let chosen = choose(
            parts.as_ref().ok_or_else(|| no_such(&upload.info.id))?,
            &completion.parts,
        )?;

        let temp = volume.temp()?;
        let mut md5s = Md5::new();
        let mut size = 0;
        for part in &chosen {
            let path = upload.part_path(part.info.number, part.generation);
            let file = volume.disk.open(&path);
            let file = file.map_err(StoreError::io("open", &path))?;
            temp.append_from(&*file, &path, part.info.size)?;
            md5s.update(hex::decode(&part.info.etag).unwrap_or_default());
            size += part.info.size;
        }
        let mut attributes = upload.info.attributes.clone();
        attributes.checksums.extend(completion.checksums);
        let info = ObjectInfo {
            key: upload.info.key.clone(),
            size,
            etag: format!("{}-{}", hex::encode(md5s.finalize()), chosen.len()),
            modified: now,
            attributes,
        };
        let tail = record::tail(&info, size)?;
        temp.append(&tail)?;
        let file = temp.sync(volume, tail.len())?;
        bucket.commit(volume, file, &info, &completion.precondition)?;

        // The object is there; that the parts are still there too is no reason to call it failed.
        *parts = None;
        self.forget(upload);
        if let Err(error) = self.remove(volume, upload) {
            tracing::error!(upload = %upload.info.id, %error, "the parts of a completed upload stay on the disk");
        }
        Ok(info)
    }

    /// Ends the upload without an object. If that fails before anything happened, it stays open.
    pub(super) fn abort(&self, volume: &Volume, upload: &Upload) -> Result<(), StoreError> {
        let mut parts = upload.lock();
        if parts.is_none() {
            return Err(no_such(&upload.info.id));
        }
        let removed = self.remove(volume, upload);
        if removed.is_ok() || !volume.disk.exists(&upload.dir).unwrap_or(true) {
            *parts = None;
            self.forget(upload);
        }
        removed
    }

    /// Moves the upload out of the way in one step, then removes it: a crash leaves no half of it.
    fn remove(&self, volume: &Volume, upload: &Upload) -> Result<(), StoreError> {
        let aside = volume.temp_path();
        volume.rename(&upload.dir, &aside, "remove")?;
        let synced = volume.sync_dir(&self.dir);
        volume.discard_dir(&aside);
        synced
    }

    fn forget(&self, upload: &Upload) {
        self.open
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&place(&upload.info));
    }
}

impl Upload {
    pub(super) fn new(dir: PathBuf, info: UploadInfo, parts: Parts) -> Self {
        Self {
            info: Arc::new(info),
            dir,
            parts: Mutex::new(Some(parts)),
        }
    }

    pub(super) fn parts(&self, after: u16, limit: usize) -> Result<Vec<PartInfo>, StoreError> {
        let parts = self.lock();
        let parts = parts.as_ref().ok_or_else(|| no_such(&self.info.id))?;
        Ok(parts
            .range((Bound::Excluded(after), Bound::Unbounded))
            .take(limit)
            .map(|(_, part)| part.info.clone())
            .collect())
    }

    pub(super) fn commit_part(
        &self,
        volume: &Volume,
        file: Synced,
        info: PartInfo,
    ) -> Result<(), StoreError> {
        let mut parts = self.lock();
        let parts = parts.as_mut().ok_or_else(|| no_such(&self.info.id))?;
        volume.check()?;
        let (number, generation) = (info.number, volume.next_generation());
        file.publish(volume, &self.part_path(number, generation))?;
        if let Some(old) = parts.insert(number, Part { info, generation }) {
            // A part that stays is harmless: the higher generation counts, and parts go together.
            let path = self.part_path(number, old.generation);
            if let Err(error) = volume.disk.remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a replaced part stays until its upload ends");
            }
        }
        Ok(())
    }

    fn part_path(&self, number: u16, generation: u64) -> PathBuf {
        self.dir.join(format!("{number:05}-{generation:016x}"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a part's file name apart.
pub(super) fn parse_part_name(path: &Path) -> Option<(u16, u64)> {
    let (number, generation) = path.file_name()?.to_str()?.split_once('-')?;
    Some((
        number.parse().ok()?,
        u64::from_str_radix(generation, 16).ok()?,
    ))
}

/// The parts that the completion names, if they follow S3's rules.
fn choose<'a>(parts: &'a Parts, named: &[(u16, String)]) -> Result<Vec<&'a Part>, StoreError> {
    if named.is_empty() {
        return Err(StoreError::InvalidPart { number: 0 });
    }
    if let Some(pair) = named.windows(2).find(|pair| pair[1].0 <= pair[0].0) {
        return Err(StoreError::InvalidPartOrder { number: pair[1].0 });
    }
    let mut chosen = Vec::with_capacity(named.len());
    for (number, etag) in named {
        match parts.get(number) {
            Some(part) if part.info.etag == *etag => chosen.push(part),
            _ => return Err(StoreError::InvalidPart { number: *number }),
        }
    }
    let but_the_last = &chosen[..chosen.len() - 1];
    match but_the_last
        .iter()
        .find(|part| part.info.size < MIN_PART_BYTES)
    {
        Some(small) => Err(StoreError::PartTooSmall {
            number: small.info.number,
            size: small.info.size,
        }),
        None => Ok(chosen),
    }
}

fn place(info: &UploadInfo) -> Place {
    (info.bucket.clone(), info.key.clone(), info.id.clone())
}

fn no_such(id: &UploadId) -> StoreError {
    StoreError::NoSuchUpload {
        upload: id.to_string(),
    }
}
