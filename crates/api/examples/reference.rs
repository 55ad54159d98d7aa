//! Writes `docs/api.md` and `docs/api/openapi.json` from the declarations and the recorded examples.

use std::path::Path;

use skykey_api::Operation;
use skykey_api::reference::{Examples, markdown, openapi};

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = Examples::new();
    for operation in Operation::ALL {
        let path = here.join(format!("recorded/{}.json", operation.id()));
        examples.insert(
            operation.id().to_owned(),
            serde_json::from_slice(&std::fs::read(path)?)?,
        );
    }
    let docs = here.join("../../docs");
    std::fs::create_dir_all(docs.join("api"))?;
    std::fs::write(docs.join("api.md"), markdown(&examples))?;
    let openapi = format!("{:#}\n", openapi(&examples));
    std::fs::write(docs.join("api/openapi.json"), openapi)
}
