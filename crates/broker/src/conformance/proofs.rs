use skykey_types::Method;

use super::{Handles, after, audit};
use crate::{Proof, ProofRecord};

fn record(at: i64, proof: Proof) -> ProofRecord {
    ProofRecord {
        survey: "demo".parse().expect("a survey's name"),
        method: Method::Gateway,
        at: after(at),
        proof,
    }
}

/// Each kind is read as it was stored, and an older proof does not replace a newer one.
pub async fn the_newest_proof_is_kept(Handles { one, other }: &Handles) {
    let writes = vec!["PutObject".to_owned(), "DeleteObject".to_owned()];
    for (at, proof) in [
        (10, Proof::ReadOnly),
        (20, Proof::Unclear("HTTP 500".to_owned())),
        (30, Proof::Unreadable("HTTP 403".to_owned())),
        (40, Proof::Writes(writes)),
    ] {
        let new = record(at, proof);
        let stored = one.record_proof(&new, &audit("skykey", "prove")).await;
        stored.expect("stored");
        let found = other.proofs_since(after(at)).await.expect("proofs");
        assert_eq!(found, [new]);
        let later = other.proofs_since(after(at + 1)).await.expect("proofs");
        assert_eq!(later, []);
    }
    let late = record(39, Proof::ReadOnly);
    let stored = other.record_proof(&late, &audit("skykey", "prove")).await;
    stored.expect("stored");
    let found = one.proofs_since(after(0)).await.expect("proofs");
    assert_eq!((found.len(), found[0].at), (1, after(40)));
}
