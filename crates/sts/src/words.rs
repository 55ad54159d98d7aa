//! What an STS's refusal means, in words for people. Ceph RGW leaves its messages empty.

use skykey_s3_client::ErrorBody;

/// A sentence for the refusal of `action`: the endpoint's own words if it has any, else what this
/// answer has been seen to mean on Ceph RGW, with what to do.
pub(crate) fn of(action: &str, status: u16, fault: &ErrorBody) -> String {
    if !fault.message.trim().is_empty() {
        return fault.message.trim().chars().take(300).collect();
    }
    let words = match (fault.code.as_str(), status) {
        ("AccessDenied", _) if action == "AssumeRole" => {
            "the role's trust policy does not name the project of the EC2 credential, or there is no such role; ask the operator of the object store"
        }
        ("AccessDenied", _) => {
            "no user policy of the project allows sts:GetSessionToken, or temporary credentials tried to renew themselves; 'skykey survey apply' sets the policy"
        }
        ("InvalidAccessKeyId" | "InvalidClientTokenId", _) => {
            "it does not know the EC2 credential: deleted in Keystone, or made by another Keystone than the one it asks"
        }
        ("SignatureDoesNotMatch", _) => {
            "the secret is not the credential's, or its owner has no accepted role in the project"
        }
        ("RequestTimeTooSkewed", _) => {
            "the clocks differ by more than 15 minutes; set this machine's clock"
        }
        ("UserSuspended", _) => {
            "the project is suspended; 'skykey revoke --project NAME --lift', or its operator, ends that"
        }
        ("InvalidArgument" | "ValidationError", _) => {
            "the lifetime is outside the range that it allows, or its rgw_sts_key is not 16 characters long"
        }
        ("MalformedPolicyDocument", _) => "it does not understand the session policy",
        ("PackedPolicyTooLarge", _) => {
            "the survey has too many prefixes for a session policy, which holds 2048 characters; name fewer, shorter ones, or use the method sts-lite"
        }
        ("NoSuchEntity", _) => "there is no such role; ask the operator of the object store",
        ("MethodNotAllowed" | "NotImplemented", _) | (_, 405 | 501) => {
            "STS is off there; the operator turns it on with rgw_s3_auth_use_sts"
        }
        (_, 500..) => "it is in trouble, or its Keystone does not answer it",
        _ => "it gives no reason",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_message_becomes_a_sentence_and_another_stays() {
        let fault = |code: &str, message: &str| ErrorBody {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let words = of("GetSessionToken", 403, &fault("AccessDenied", ""));
        assert!(words.contains("skykey survey apply"), "{words}");
        assert_eq!(of("GetSessionToken", 403, &fault("X", " no ")), "no");
        for (code, status) in [("", 405), ("UnknownError", 500), ("", 418)] {
            assert!(!of("AssumeRole", status, &fault(code, "")).is_empty());
        }
    }
}
