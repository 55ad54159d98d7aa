//! What a signed request says about its signature.

use std::str::FromStr;

use skykey_types::AccessKeyId;

use crate::{ALGORITHM, Error, Scope};

/// The parts of an `Authorization` header, or of a presigned query that says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who claims to have signed.
    pub access_key_id: AccessKeyId,
    /// For which day, region and service.
    pub scope: Scope,
    /// The names of the headers that were signed, in lower case and in the order given.
    pub signed_headers: Vec<String>,
    /// The signature, in hexadecimal; not verified yet.
    pub signature: String,
}

impl Authorization {
    /// From the values of a presigned request's `X-Amz-Algorithm`, `X-Amz-Credential`,
    /// `X-Amz-SignedHeaders` and `X-Amz-Signature`, decoded.
    pub fn from_query(
        algorithm: &str,
        credential: &str,
        signed_headers: &str,
        signature: &str,
    ) -> Result<Self, Error> {
        if algorithm != ALGORITHM {
            return Err(Error::Authorization(
                "the algorithm is not AWS4-HMAC-SHA256",
            ));
        }
        Self::from_parts(credential, signed_headers, signature)
    }

    fn from_parts(credential: &str, signed_headers: &str, signature: &str) -> Result<Self, Error> {
        let (access, scope) = credential
            .split_once('/')
            .ok_or(Error::Authorization("the credential has no scope"))?;
        if access.is_empty() {
            return Err(Error::Authorization("the credential has no access key id"));
        }
        let signed_headers: Vec<String> = signed_headers
            .split(';')
            .map(str::to_ascii_lowercase)
            .collect();
        if !signed_headers.iter().any(|name| name == "host") {
            return Err(Error::Authorization("the host header is not signed"));
        }
        if signature.is_empty() {
            return Err(Error::Authorization("the signature is empty"));
        }
        Ok(Self {
            access_key_id: AccessKeyId::new(access),
            scope: scope.parse()?,
            signed_headers,
            signature: signature.to_owned(),
        })
    }
}

impl FromStr for Authorization {
    type Err = Error;

    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`. The three parts may
    /// come in any order, each once; a blank after the comma is optional.
    fn from_str(header: &str) -> Result<Self, Error> {
        let parts = Parts::of_header(header).map_err(Error::Authorization)?;
        Self::from_parts(parts.credential, parts.signed_headers, parts.signature)
    }
}

/// The three parts of an authorization, as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) credential: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits an `Authorization` header; the error is what is wrong with it.
    pub(crate) fn of_header(header: &'a str) -> Result<Self, &'static str> {
        let rest = header
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or("it does not start with AWS4-HMAC-SHA256")?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part
                .trim()
                .split_once('=')
                .ok_or("a part is not name=value")?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err("a part is none of Credential, SignedHeaders, Signature"),
            };
            if place.replace(value).is_some() {
                return Err("a part occurs twice");
            }
        }
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) => Ok(Self {
                credential,
                signed_headers,
                signature,
            }),
            _ => Err("Credential, SignedHeaders or Signature is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-date, Signature=f0e8";

    #[test]
    fn a_header_is_taken_apart() {
        let authorization: Authorization = GOOD.parse().unwrap();
        assert_eq!(authorization.access_key_id.as_str(), "AKID");
        assert_eq!(authorization.scope.service(), "s3");
        assert_eq!(authorization.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(authorization.signature, "f0e8");
    }

    #[test]
    fn a_wrong_header_is_refused() {
        for (from, to) in [
            ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            ("AWS4-HMAC-SHA256 ", "AWS AKID:"),
            ("AKID/", "/"),
            ("AKID/20130524", "20130524"),
            ("host;", ""),
            ("Signature=f0e8", "Signature="),
            (", Signature=f0e8", ""),
            ("Signature=", "Signature=a,Signature="),
            ("Signature", "X-Signature"),
            (", Signature=f0e8", ","),
        ] {
            let bad = GOOD.replace(from, to);
            assert!(bad.parse::<Authorization>().is_err(), "{bad}");
        }
    }
}
