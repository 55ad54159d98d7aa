//! A user at Ceph's gateway, as the admin API shows it.

use std::fmt;

use serde::Deserialize;
use skykey_upstream::Answer;

/// A user of RGW; for a project of Keystone, the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgwUser {
    /// Its id: the project's.
    pub id: String,
    /// Its name: the project's.
    pub display_name: String,
    /// Whether every request is refused.
    pub suspended: bool,
    /// Which kinds of operation it may do at all.
    pub op_mask: OpMask,
    /// How many buckets it may own; 0 is no limit, less is none at all.
    pub max_buckets: i64,
}

/// RGW's operation mask: what a user may do whatever the policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
pub struct OpMask {
    /// Get, head and list.
    pub read: bool,
    /// Put, copy, uploads, ACLs, policies, buckets.
    pub write: bool,
    /// Delete.
    pub delete: bool,
    /// Anything else that is named.
    pub other: bool,
}

impl OpMask {
    /// Reading and nothing else.
    pub const READ: Self = Self {
        read: true,
        write: false,
        delete: false,
        other: false,
    };

    /// Reads `read, write, delete`, as RGW writes it.
    fn parse(text: &str) -> Self {
        let mut mask = Self {
            read: false,
            write: false,
            delete: false,
            other: false,
        };
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "read" => mask.read = true,
                "write" => mask.write = true,
                "delete" => mask.delete = true,
                "*" => (mask.read, mask.write, mask.delete) = (true, true, true),
                "<none>" => {}
                _ => mask.other = true,
            }
        }
        mask
    }
}

impl fmt::Display for OpMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = [
            (self.read, "read"),
            (self.write, "write"),
            (self.delete, "delete"),
            (self.other, "more"),
        ]
        .into_iter()
        .filter_map(|(set, word)| set.then_some(word))
        .collect();
        if words.is_empty() {
            f.write_str("nothing")
        } else {
            f.write_str(&words.join(", "))
        }
    }
}

impl RgwUser {
    /// Whether it may read and nothing else, and own no bucket.
    pub fn is_limited_to_reading(&self) -> bool {
        self.op_mask == OpMask::READ && self.max_buckets < 0
    }

    /// Reads what [`get_user`](super::get_user) and [`modify_user`](super::modify_user) answer.
    pub fn read(answer: &Answer) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Wire {
            user_id: String,
            #[serde(default)]
            display_name: String,
            suspended: i64,
            max_buckets: i64,
            op_mask: String,
        }
        let wire: Wire = answer.json()?;
        Ok(Self {
            id: wire.user_id,
            display_name: wire.display_name,
            suspended: wire.suspended != 0,
            op_mask: OpMask::parse(&wire.op_mask),
            max_buckets: wire.max_buckets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    #[test]
    fn a_user_is_limited_when_both_mask_and_buckets_say_so() {
        let user = |mask: &str, buckets: &str| {
            let text = format!(
                "{{\"tenant\":\"\",\"user_id\":\"p\",\"display_name\":\"m13-ro\",\"suspended\":0,\
                 \"max_buckets\":{buckets},\"op_mask\":\"{mask}\",\"type\":\"keystone\"}}"
            );
            RgwUser::read(&Answer::of(200, text)).unwrap()
        };
        assert!(user("read", "-1").is_limited_to_reading());
        for (mask, buckets) in [
            ("read, write, delete", "-1"),
            ("read", "0"),
            ("read", "1000"),
            ("read, delete", "-1"),
            ("read, invented", "-1"),
            ("*", "-1"),
            ("<none>", "-1"),
        ] {
            let user = user(mask, buckets);
            assert!(
                !user.is_limited_to_reading(),
                "{} {}",
                user.op_mask,
                user.max_buckets
            );
        }
        assert_eq!(
            user("read, write, delete", "1").op_mask.to_string(),
            "read, write, delete"
        );
        assert!(RgwUser::read(&Answer::of(200, "{}")).is_err());
    }
}
