//! A site brought into order, at a small model of the gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skykey_echo::site::{Do, SurveySite, apply, plan};
use skykey_echo::{EchoError, user_policy};

use crate::server::{Asked, Server, Told, credentials};

const READERS: &str = "ropro";
const DATA: &str = "datapro";

/// What the gateway remembers.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a whim of its own")]
struct Model {
    bucket_policy: Option<String>,
    user_policies: BTreeMap<(String, String), String>,
    limited: bool,
    /// Requests that change something, in their order.
    changes: Vec<String>,
    users_cap: bool,
    no_bucket: bool,
    forgets_what_is_put: bool,
}

impl Model {
    fn tell(&mut self, asked: &Asked) -> Told {
        let Asked { line, head, .. } = asked;
        let body = &asked.text();
        let admin = head.contains("credential=admin/");
        match line.split_once(' ').unwrap() {
            ("GET", "/") => {
                let (owner, name) = match (head.contains("credential=data/"), self.no_bucket) {
                    (true, false) => (DATA, "<Bucket><Name>m13</Name></Bucket>"),
                    (true, true) => (DATA, ""),
                    (false, _) => (READERS, ""),
                };
                Told::ok(format!(
                    "<ListAllMyBucketsResult><Owner><ID>{owner}</ID></Owner><Buckets>{name}</Buckets></ListAllMyBucketsResult>"
                ))
            }
            ("GET", "/m13?policy=") => match &self.bucket_policy {
                Some(policy) => Told::ok(policy),
                None => Told::error(404, "NoSuchBucketPolicy"),
            },
            ("PUT", "/m13?policy=") => {
                self.changes.push("bucket policy".to_owned());
                if !self.forgets_what_is_put {
                    self.bucket_policy = Some(body.clone());
                }
                Told::of(204, "")
            }
            ("GET", path) if path.starts_with("/admin/user?") && admin => self.user(),
            ("POST", path) if path.starts_with("/admin/user?") && admin => {
                if !self.users_cap {
                    return Told::of(403, "{\"Code\":\"AccessDenied\"}");
                }
                self.changes.push("user".to_owned());
                self.limited = path.contains("max-buckets=-1") && path.contains("op-mask=read");
                // As RGW does.
                self.user_policies.retain(|(user, _), _| user != READERS);
                self.user()
            }
            ("POST", "/") if admin => self.iam(body),
            _ => Told::error(403, "AccessDenied"),
        }
    }

    fn user(&self) -> Told {
        let (mask, most) = if self.limited {
            ("read", -1)
        } else {
            ("read, write, delete", 1000)
        };
        Told::ok(format!(
            "{{\"user_id\":\"{READERS}\",\"suspended\":0,\"max_buckets\":{most},\"op_mask\":\"{mask}\"}}"
        ))
    }

    fn iam(&mut self, form: &str) -> Told {
        let fields: BTreeMap<String, String> = url::form_urlencoded::parse(form.as_bytes())
            .into_owned()
            .collect();
        let user = fields["UserName"].clone();
        match fields["Action"].as_str() {
            "ListUserPolicies" => {
                let names: Vec<String> = self
                    .user_policies
                    .keys()
                    .filter(|(of, _)| *of == user)
                    .map(|(_, name)| format!("<member>{name}</member>"))
                    .collect();
                if names.is_empty() {
                    Told::error(404, "NoSuchEntity")
                } else {
                    Told::ok(names.concat())
                }
            }
            "GetUserPolicy" => match self
                .user_policies
                .get(&(user, fields["PolicyName"].clone()))
            {
                Some(document) => {
                    let document = document.replace('"', "&quot;");
                    Told::ok(format!("<PolicyDocument>{document}</PolicyDocument>"))
                }
                None => Told::error(404, "NoSuchEntity"),
            },
            "PutUserPolicy" => {
                let name = fields["PolicyName"].clone();
                self.changes.push(format!("user policy {name} of {user}"));
                let document = fields["PolicyDocument"].clone();
                self.user_policies.insert((user, name), document);
                Told::ok("")
            }
            _ => Told::error(400, "InvalidAction"),
        }
    }
}

async fn start(model: Model) -> (Server, Arc<Mutex<Model>>) {
    let model = Arc::new(Mutex::new(model));
    let told = model.clone();
    let server = Server::start(move |asked| told.lock().unwrap().tell(asked)).await;
    (server, model)
}

fn site() -> SurveySite {
    SurveySite {
        name: "m13".parse().unwrap(),
        prefixes: vec!["m13/dp1/".parse().unwrap()],
        data_project: DATA.parse().unwrap(),
        readers_project: READERS.parse().unwrap(),
        data: credentials("DATA"),
        readers: credentials("READERS"),
        admin: Some(credentials("ADMIN")),
    }
}

fn able() -> Model {
    Model {
        users_cap: true,
        ..Model::default()
    }
}

#[tokio::test]
async fn a_raw_site_is_ordered_in_the_order_that_holds_and_twice_changes_nothing() {
    let (server, model) = start(able()).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    assert!(
        model.lock().unwrap().changes.is_empty(),
        "a plan only reads"
    );
    let shown = planned.to_string();
    for part in [
        "- operations: read, write, delete; buckets of its own: up to 1000",
        "m13/dp1/*",
        "+ ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let applied = apply(&server.echo, &site(), &planned).await.unwrap();
    assert_eq!(applied.done.len(), 4, "{applied:?}");
    assert_eq!(
        model.lock().unwrap().changes,
        [
            "user",
            "bucket policy",
            "user policy skykey-get-session-token of datapro",
            "user policy skykey-get-session-token of ropro",
        ]
    );
    let again = plan(&server.echo, &site()).await.unwrap();
    assert!(again.is_in_order(), "{again}");
    let applied = apply(&server.echo, &site(), &again).await.unwrap();
    assert!(applied.done.is_empty());
    assert_eq!(model.lock().unwrap().changes.len(), 4);
}

#[tokio::test]
async fn policies_that_limiting_makes_the_gateway_forget_are_put_back() {
    let mut model = able();
    let theirs = "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:*\",\"Resource\":\"*\"}]}"
        .to_owned();
    for (user, name, text) in [
        (READERS, "theirs", theirs.clone()),
        (READERS, user_policy::NAME, user_policy::document()),
        (DATA, user_policy::NAME, user_policy::document()),
    ] {
        model
            .user_policies
            .insert((user.to_owned(), name.to_owned()), text);
    }
    let (server, model) = start(model).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    assert!(
        planned.concerns[0].contains("'theirs' lets session tokens renew themselves"),
        "{planned}"
    );
    apply(&server.echo, &site(), &planned).await.unwrap();
    let model = model.lock().unwrap();
    assert!(model.limited);
    assert_eq!(model.user_policies.len(), 3, "{model:?}");
    assert_eq!(
        model.user_policies[&(READERS.to_owned(), "theirs".to_owned())],
        theirs
    );
}

#[tokio::test]
async fn what_the_admin_may_not_do_is_a_command_for_the_operator_and_nothing_follows() {
    let (server, model) = start(Model::default()).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    let applied = apply(&server.echo, &site(), &planned).await.unwrap();
    let command = "radosgw-admin user modify --uid ropro --op-mask=read --max-buckets=-1";
    assert_eq!(applied.outstanding, [command]);
    assert!(model.lock().unwrap().changes.is_empty());
}

#[tokio::test]
async fn without_an_admin_what_cannot_be_seen_is_said_and_the_rest_is_done() {
    let (server, model) = start(able()).await;
    let mut site = site();
    site.admin = None;
    let planned = plan(&server.echo, &site).await.unwrap();
    let shown = planned.to_string();
    assert!(
        shown.contains("unseen") && shown.contains("$ radosgw-admin user modify --uid ropro"),
        "{shown}"
    );
    assert!(
        shown.contains("iam put-user-policy --user-name ropro"),
        "{shown}"
    );
    let applied = apply(&server.echo, &site, &planned).await.unwrap();
    assert_eq!(applied.done, ["the policy of bucket m13"]);
    assert_eq!(model.lock().unwrap().changes, ["bucket policy"]);
}

#[tokio::test]
async fn a_bucket_that_is_not_the_projects_comes_first() {
    let mut model = able();
    model.no_bucket = true;
    let (server, model) = start(model).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    let applied = apply(&server.echo, &site(), &planned).await.unwrap();
    assert!(
        applied.outstanding[0].contains("s3 mb s3://m13"),
        "{applied:?}"
    );
    assert!(model.lock().unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_statement_of_somebody_else_survives_and_is_told() {
    let theirs = "{ \"Sid\":\"wide\", \"Effect\":\"Allow\", \"Principal\":\"*\", \"Action\":[\"s3:PutObject\"], \"Resource\":\"arn:aws:s3:::m13/*\" }";
    let mut model = able();
    model.bucket_policy = Some(format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{theirs}]}}"
    ));
    let (server, model) = start(model).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    assert_eq!(
        planned.concerns,
        ["bucket m13: statement 'wide' lets everybody do s3:PutObject"]
    );
    apply(&server.echo, &site(), &planned).await.unwrap();
    let policy = model.lock().unwrap().bucket_policy.clone().unwrap();
    assert!(policy.contains(theirs), "{policy}");
}

#[tokio::test]
async fn what_changed_since_the_plan_is_not_overwritten() {
    let (server, model) = start(able()).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    let theirs = "{\"Version\":\"2012-10-17\",\"Statement\":[]}".to_owned();
    model.lock().unwrap().bucket_policy = Some(theirs.clone());
    let error = apply(&server.echo, &site(), &planned).await.unwrap_err();
    assert!(
        matches!(error, EchoError::ChangedMeanwhile { .. }),
        "{error}"
    );
    assert_eq!(model.lock().unwrap().bucket_policy, Some(theirs));
}

#[tokio::test]
async fn what_was_put_is_read_back() {
    let mut model = able();
    model.forgets_what_is_put = true;
    let (server, _model) = start(model).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    let error = apply(&server.echo, &site(), &planned).await.unwrap_err();
    assert!(matches!(error, EchoError::NotKept { .. }), "{error}");
}

#[tokio::test]
async fn a_policy_that_is_not_understood_is_left_alone() {
    let mut model = able();
    model.bucket_policy = Some("{\"Statement\":7}".to_owned());
    let (server, model) = start(model).await;
    let error = plan(&server.echo, &site()).await.unwrap_err();
    assert!(matches!(error, EchoError::Policy { .. }), "{error}");
    assert!(error.to_string().contains("get-bucket-policy"), "{error}");
    assert!(model.lock().unwrap().changes.is_empty());
}

#[tokio::test]
async fn credentials_of_another_project_are_noticed_before_anything_is_done() {
    let (server, model) = start(able()).await;
    let mut site = site();
    site.readers = credentials("DATA");
    let error = plan(&server.echo, &site).await.unwrap_err();
    let expected = "the credentials given for project ropro are of 'datapro' at Echo";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(model.lock().unwrap().changes.is_empty());
}

#[tokio::test]
async fn steps_are_made_of_what_they_say() {
    let (server, _model) = start(able()).await;
    let planned = plan(&server.echo, &site()).await.unwrap();
    let kinds: Vec<&str> = planned
        .steps
        .iter()
        .map(|step| match step.action {
            Do::Nothing => "nothing",
            Do::LimitUser { .. } => "limit",
            Do::PutBucketPolicy { .. } => "bucket policy",
            Do::PutUserPolicy { .. } => "user policy",
            Do::OperatorCommand(_) => "operator",
            Do::CheckByHand(_) => "by hand",
        })
        .collect();
    assert_eq!(
        kinds,
        ["limit", "bucket policy", "user policy", "user policy"]
    );
}

#[tokio::test]
async fn wrong_keys_of_the_admin_are_named_by_their_section() {
    for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        let model = Mutex::new(Model::default());
        let server = Server::start(move |asked: &Asked| {
            if asked.head.contains("credential=admin/") {
                return Told::error(403, code);
            }
            model.lock().unwrap().tell(asked)
        })
        .await;
        let told = plan(&server.echo, &site()).await.unwrap_err().to_string();
        assert!(
            told.contains("secret_access_key of [echo.admin] is wrong")
                && !told.contains("session token"),
            "{told}"
        );
    }
}
