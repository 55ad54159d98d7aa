//! Names of files out of keys.

use std::path::{Path, PathBuf};

use skykey_s3_client::ObjectAddress;

use crate::ObjectError;

/// The file below `folder` for an object below the prefix `from`. A key that would lead out of the folder,
/// or that no file can be called, is an error.
pub(crate) fn below(
    folder: &Path,
    from: &ObjectAddress,
    at: &ObjectAddress,
) -> Result<PathBuf, ObjectError> {
    let no = |why| ObjectError::NoFileName {
        at: at.clone(),
        why,
    };
    let rest = at
        .key
        .strip_prefix(&from.key)
        .ok_or_else(|| no("it lies elsewhere"))?;
    let mut path = folder.to_owned();
    for segment in rest.split('/') {
        match segment {
            "" => return Err(no("a part of its key between two slashes is empty")),
            "." | ".." => return Err(no("its key has '.' or '..' for a part")),
            segment if segment.contains('\0') => return Err(no("its key holds a null byte")),
            segment => path.push(segment),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leads_out_of_the_folder() {
        let from: ObjectAddress = "s3://m13/a/".parse().unwrap();
        let found = |key: &str| below(Path::new("here"), &from, &from.with_key(key));
        assert_eq!(found("a/b/c.fits").unwrap(), Path::new("here/b/c.fits"));
        assert_eq!(found("a/..b").unwrap(), Path::new("here/..b"));
        for key in [
            "a/../b",
            "a/..",
            "a/./b",
            "a//etc/passwd",
            "a/b//c",
            "a/b/",
            "a/",
            "b",
            "a/\0",
        ] {
            assert!(found(key).is_err(), "{key}");
        }
    }
}
