//! An AWS credentials file that is kept fresh, for tools that read nothing else.

use std::path::PathBuf;

use skykey_client::GrantedLease;

use crate::config_file::{By, ConfigFile};
use crate::formats;

/// One section of somebody's file.
#[derive(Debug)]
pub(super) struct CredentialsFile {
    path: PathBuf,
    profile: String,
}

impl CredentialsFile {
    /// Refuses a section of that name that is not ours. What an agent that was killed left there is taken out.
    pub(super) fn open(path: PathBuf, profile: String) -> anyhow::Result<Self> {
        let this = Self {
            path: std::path::absolute(path)?,
            profile,
        };
        let mut file = this.read()?;
        file.put(&this.block(), &this.profile, "")?;
        this.take_out()?;
        Ok(this)
    }

    /// Puts these credentials in, if they are not there: the file is replaced as a whole, mode 0600.
    pub(super) fn write(&self, granted: &GrantedLease) -> anyhow::Result<()> {
        let mut file = self.read()?;
        file.put(&self.block(), &self.profile, &formats::profile(granted)?)?;
        if file.is_changed() {
            file.save()?;
        }
        Ok(())
    }

    /// Takes the section out; a file in which nothing is left goes.
    pub(super) fn take_out(&self) -> anyhow::Result<()> {
        let mut file = self.read()?;
        if file.remove(Some(&self.block()))?.is_empty() {
            return Ok(());
        }
        file.save()
    }

    fn read(&self) -> anyhow::Result<ConfigFile> {
        ConfigFile::open(self.path.clone(), By::Agent)
    }

    /// No profile that `skykey setup` writes has a blank in its name.
    fn block(&self) -> String {
        format!("agent {}", self.profile)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::{fs, path::Path};

    use skykey_client::{AfterRemoval, LeaseSummary, Place};
    use skykey_types::{AccessKeyId, Credentials, Timestamp};

    use super::*;

    fn granted(key: &str) -> GrantedLease {
        GrantedLease {
            lease: LeaseSummary {
                id: "lease-1".to_owned(),
                survey: "m13".to_owned(),
                access: "read".to_owned(),
                method: "gateway".to_owned(),
                issued: Timestamp::UNIX_EPOCH,
                expires: None,
                state: "live".to_owned(),
                after_removal: AfterRemoval {
                    seen_within: 30,
                    ..AfterRemoval::default()
                },
                ..LeaseSummary::default()
            },
            credentials: Credentials {
                access_key_id: AccessKeyId::new(key),
                secret_access_key: "SK".to_owned().into(),
                session_token: Some("ST".to_owned().into()),
                expiration: None,
            },
            place: Place {
                endpoint: "http://127.0.0.1:1/".to_owned(),
                region: "r".to_owned(),
                prefixes: Vec::new(),
            },
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_its_own_section_is_touched_and_the_file_is_for_one_pair_of_eyes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        let mine = "[default]\naws_access_key_id = MINE\n";
        fs::write(&path, mine).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let file = CredentialsFile::open(path.clone(), "m13".to_owned()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
        for key in ["AK-1", "AK-2"] {
            file.write(&granted(key)).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(mine) && text.matches("[m13]").count() == 1);
            assert!(
                text.contains(&format!("aws_access_key_id = {key}")),
                "{text}"
            );
            assert_eq!(mode(&path), 0o600);
        }
        file.take_out().unwrap();
        file.take_out().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
        let error = CredentialsFile::open(path, "default".to_owned()).unwrap_err();
        assert!(
            error.to_string().contains("skykey did not write"),
            "{error}"
        );
    }

    #[test]
    fn what_a_killed_agent_left_is_taken_out_and_two_agents_share_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aws/credentials");
        let open = |profile: &str| CredentialsFile::open(path.clone(), profile.to_owned()).unwrap();
        open("m13").write(&granted("AK-1")).unwrap();
        let other = open("other");
        other.write(&granted("AK-2")).unwrap();
        let again = open("m13");
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("AK-1") && text.contains("AK-2"), "{text}");
        again.take_out().unwrap();
        other.take_out().unwrap();
        assert!(!path.exists(), "it was ours alone");
    }
}
