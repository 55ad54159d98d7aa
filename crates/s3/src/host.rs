//! Path style and virtual-host style: is the bucket in the path or in the host name?

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// The host names of this endpoint. `bucket.NAME` is virtual-host style; any other host is path
/// style, so a request by IP address or through a proxy's name still works.
#[derive(Debug, Clone)]
pub(crate) struct Domains(pub(crate) Vec<String>);

impl S3Host for Domains {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        for domain in &self.0 {
            if let Some(bucket) = name
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                && !bucket.is_empty()
            {
                return Ok(VirtualHost::new(domain.as_str()).with_bucket(bucket));
            }
        }
        Ok(VirtualHost::new(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_taken_from_our_own_host_names_only() {
        let domains = Domains(vec!["localhost".to_owned(), "s3.example.org".to_owned()]);
        let bucket = |host: &str| {
            domains
                .parse_host_header(host)
                .unwrap()
                .bucket()
                .map(str::to_owned)
        };
        assert_eq!(bucket("m13.localhost:8083").as_deref(), Some("m13"));
        assert_eq!(bucket("a.b.s3.example.org").as_deref(), Some("a.b"));
        assert_eq!(bucket("localhost:8083"), None);
        assert_eq!(bucket("evil.example.com"), None);
        assert_eq!(bucket("notlocalhost"), None);
    }
}
