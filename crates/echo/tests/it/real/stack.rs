//! The stack, and what a test does to it as somebody who is not skykey.

use std::sync::Arc;

use serde_json::{Value, json};
use skykey_echo::Echo;
use skykey_echo::site::{SurveySite, apply, plan};
use skykey_s3_client::S3Settings;
use skykey_sigv4::{Request, encode_query, sha256_hex, sign_headers};
use skykey_types::{AccessKeyId, Credentials, Secret, SystemClock, Timestamp};
use skykey_upstream::UpstreamMetrics;

pub(crate) struct Stack {
    pub(crate) echo: Echo,
    pub(crate) site: SurveySite,
    http: reqwest::Client,
    keystone: String,
    user: String,
    token: String,
}

impl Stack {
    /// Nothing if there is no stack to test with.
    pub(crate) async fn open() -> Option<Self> {
        let path = std::env::var_os("SKYKEY_REALSTACK")?;
        let stack: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let keystone = text(&stack["keystone"]);
        let user = text(&stack["users"]["skykey"]["id"]);
        let password =
            std::fs::read_to_string(text(&stack["users"]["skykey"]["password_file"])).unwrap();
        let survey = &stack["surveys"][0];
        let projects = [
            &survey["data_project"]["id"],
            &survey["readers_project"]["id"],
        ]
        .map(text);
        let keys: Value =
            serde_json::from_slice(&std::fs::read(text(&stack["rgw_admin"]["keys_file"])).unwrap())
                .unwrap();
        let login = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"id": user, "password": password.trim()}}},
            "scope": {"project": {"id": projects[0]}},
        }});
        let answer = http
            .post(format!("{keystone}/auth/tokens"))
            .json(&login)
            .send()
            .await
            .unwrap();
        let token = answer.headers()["x-subject-token"]
            .to_str()
            .unwrap()
            .to_owned();
        let mut made = Vec::new();
        for project in &projects {
            let answer: Value = http
                .post(format!("{keystone}/users/{user}/credentials/OS-EC2"))
                .header("x-auth-token", &token)
                .json(&json!({"tenant_id": project}))
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            made.push(credentials(
                answer["credential"]["access"].as_str().unwrap(),
                answer["credential"]["secret"].as_str().unwrap(),
            ));
        }
        let [data_project, readers_project] = projects.map(|id| id.parse().unwrap());
        let readers = made.pop().unwrap();
        let settings =
            S3Settings::new(text(&stack["rgw"]).parse().unwrap(), text(&stack["region"]));
        let stack = Self {
            echo: Echo::new(settings, &UpstreamMetrics::default(), Arc::new(SystemClock)).unwrap(),
            site: SurveySite {
                name: "m13".parse().unwrap(),
                prefixes: vec!["m13/dp1/".parse().unwrap()],
                data_project,
                readers_project,
                data: made.pop().unwrap(),
                readers,
                admin: Some(credentials(
                    keys["access"].as_str().unwrap(),
                    keys["secret"].as_str().unwrap(),
                )),
            },
            http,
            keystone,
            user,
            token,
        };
        for key in ["dp1/a", "outside"] {
            let line = format!("PUT /m13/{key}");
            assert_eq!(stack.ask(&stack.site.data, &line, "image").await.0, 200);
        }
        Some(stack)
    }

    /// Deletes what `open` made.
    pub(crate) async fn close(self) {
        for key in ["dp1/a", "outside"] {
            self.ask(&self.site.data, &format!("DELETE /m13/{key}"), "")
                .await;
        }
        for credentials in [&self.site.data, &self.site.readers] {
            let access = credentials.access_key_id.as_str();
            self.http
                .delete(format!(
                    "{}/users/{}/credentials/OS-EC2/{access}",
                    self.keystone, self.user
                ))
                .header("x-auth-token", &self.token)
                .send()
                .await
                .unwrap();
        }
    }

    /// No policies, no limits.
    pub(crate) async fn make_raw(&self) {
        self.ask(&self.site.readers, "GET /", "").await;
        self.ask(&self.site.data, "GET /", "").await;
        self.ask(&self.site.data, "DELETE /m13?policy=", "").await;
        self.delete_user_policy("skykey-get-session-token").await;
        self.unlimit().await;
        let name = "skykey-get-session-token";
        let project = self.site.data_project.as_str().to_owned();
        let fields = [
            ("Action", "DeleteUserPolicy"),
            ("PolicyName", name),
            ("UserName", &project),
        ];
        self.form("iam", self.site.admin.as_ref().unwrap(), &fields)
            .await;
    }

    pub(crate) async fn order(&self) {
        let planned = plan(&self.echo, &self.site).await.unwrap();
        apply(&self.echo, &self.site, &planned).await.unwrap();
        let left = plan(&self.echo, &self.site).await.unwrap();
        assert!(left.is_in_order(), "{left}");
    }

    /// As the operator who forgot it would leave it; the gateway forgets the user policies, too.
    pub(crate) async fn unlimit(&self) {
        let project = &self.site.readers_project;
        let line = format!(
            "POST /admin/user?max-buckets=1000&op-mask=read%2Cwrite%2Cdelete&uid={project}"
        );
        let admin = self.site.admin.as_ref().unwrap();
        assert_eq!(self.ask(admin, &line, "").await.0, 200);
    }

    /// What somebody adds to the bucket's policy.
    pub(crate) fn wide_statement(&self, action: &str) -> String {
        format!(
            "{{ \"Sid\": \"wide\", \"Effect\": \"Allow\", \"Action\": \"{action}\", \
             \"Principal\": {{\"AWS\": \"arn:aws:iam::{}:root\"}}, \
             \"Resource\": [\"arn:aws:s3:::m13\", \"arn:aws:s3:::m13/*\"] }}",
            self.site.readers_project
        )
    }

    /// The readers' statements, and somebody's that allows `action`.
    pub(crate) async fn widen(&self, action: &str) {
        let wide = self.wide_statement(action);
        let only = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{wide}]}}");
        self.put_policy(&only).await;
        let places: Vec<_> = self.site.prefixes.iter().collect();
        let (survey, readers) = (&self.site.name, &self.site.readers_project);
        let ours = skykey_echo::policy::readers_statements(survey, readers, &places).unwrap();
        let merged = skykey_echo::policy::merge(Some(&only), survey, readers, &ours).unwrap();
        self.put_policy(&merged.after).await;
    }

    pub(crate) async fn put_policy(&self, policy: &str) {
        let put = self.ask(&self.site.data, "PUT /m13?policy=", policy).await;
        assert!(put.0 < 300, "{put:?}");
    }

    pub(crate) async fn policy(&self) -> Option<String> {
        let bucket = "m13".parse().unwrap();
        self.echo
            .bucket_policy(&self.site.data, &bucket)
            .await
            .unwrap()
    }

    pub(crate) async fn put_user_policy(&self, name: &str, document: &str) {
        let fields = [
            ("Action", "PutUserPolicy"),
            ("PolicyDocument", document),
            ("PolicyName", name),
            ("UserName", self.site.readers_project.as_str()),
        ];
        let put = self
            .form("iam", self.site.admin.as_ref().unwrap(), &fields)
            .await;
        assert_eq!(put.0, 200, "{put:?}");
    }

    pub(crate) async fn delete_user_policy(&self, name: &str) {
        let project = self.site.readers_project.as_str();
        let fields = [
            ("Action", "DeleteUserPolicy"),
            ("PolicyName", name),
            ("UserName", project),
        ];
        self.form("iam", self.site.admin.as_ref().unwrap(), &fields)
            .await;
    }

    /// Temporary credentials of the readers' project.
    pub(crate) async fn session_token(&self) -> Credentials {
        let fields = [("Action", "GetSessionToken"), ("DurationSeconds", "900")];
        let (status, text) = self.form("sts", &self.site.readers, &fields).await;
        assert_eq!(status, 200, "{text}");
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        let mut found = credentials(&part("AccessKeyId"), &part("SecretAccessKey"));
        found.session_token = Some(Secret::new(part("SessionToken")));
        found
    }

    /// What proofs left in the bucket or beside it.
    pub(crate) async fn leftovers(&self) -> Vec<String> {
        let mut found = Vec::new();
        let readers = self.echo.mine(&self.site.readers).await;
        found.extend(readers.map(|mine| mine.buckets).unwrap_or_default());
        for line in ["GET /m13", "GET /m13?uploads=", "GET /m13?versions="] {
            let (status, text) = self.ask(&self.site.data, line, "").await;
            assert_eq!(status, 200, "{line}: {text}");
            let keys = text.split("<Key>").skip(1);
            let keys = keys.map(|rest| rest.split('<').next().unwrap().to_owned());
            found.extend(keys.filter(|key| key.contains("skykey-proof")));
        }
        found
    }

    /// A bucket that keeps versions, holds one object, and lets the readers do `action` and read.
    pub(crate) async fn make_versioned(&self, bucket: &str, action: &str) {
        let data = &self.site.data;
        let enabled = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                       <Status>Enabled</Status></VersioningConfiguration>";
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", self.site.readers_project)},
            "Action": ["s3:GetObject", "s3:ListBucket", action],
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        }]});
        for (line, body) in [
            (format!("PUT /{bucket}"), String::new()),
            (format!("PUT /{bucket}?versioning="), enabled.to_owned()),
            (format!("PUT /{bucket}?policy="), policy.to_string()),
        ] {
            let (status, text) = self.ask(data, &line, &body).await;
            assert!(status < 300, "{line}: {status} {text}");
        }
        if self.versions(bucket).await.is_empty() {
            self.ask(data, &format!("PUT /{bucket}/a"), "image").await;
        }
    }

    /// Every version and delete marker, as key and version.
    pub(crate) async fn versions(&self, bucket: &str) -> Vec<(String, String)> {
        let (_, text) = self
            .ask(&self.site.data, &format!("GET /{bucket}?versions="), "")
            .await;
        let part = |text: &str, end: &str| text.split(end).next().unwrap().to_owned();
        text.split("<Key>")
            .skip(1)
            .map(|rest| {
                let (key, rest) = rest.split_once("</Key><VersionId>").unwrap();
                (key.to_owned(), part(rest, "<"))
            })
            .collect()
    }

    pub(crate) async fn remove_versioned(&self, bucket: &str) {
        for (key, version) in self.versions(bucket).await {
            let line = format!("DELETE /{bucket}/{key}?versionId={version}");
            self.ask(&self.site.data, &line, "").await;
        }
        let removed = self
            .ask(&self.site.data, &format!("DELETE /{bucket}"), "")
            .await;
        assert_eq!(removed.0, 204, "{removed:?}");
    }

    async fn form(
        &self,
        service: &str,
        who: &Credentials,
        fields: &[(&str, &str)],
    ) -> (u16, String) {
        let body = encode_query(fields.iter().copied());
        self.exchange(service, who, "POST /", &body).await
    }

    /// `METHOD /path?query` as somebody; the status and the body.
    pub(crate) async fn ask(&self, who: &Credentials, line: &str, body: &str) -> (u16, String) {
        self.exchange("s3", who, line, body).await
    }

    async fn exchange(
        &self,
        service: &str,
        who: &Credentials,
        line: &str,
        body: &str,
    ) -> (u16, String) {
        let (method, target) = line.split_once(' ').unwrap();
        let url = self.echo.endpoint().join(target).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let form = "application/x-www-form-urlencoded";
        let hash = sha256_hex(body.as_bytes());
        let request = Request {
            method,
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &[("host", &host), ("content-type", form)],
            payload_hash: &hash,
        };
        let signed = sign_headers(who, "us-east-1", service, Timestamp::now(), &request);
        let mut builder = self
            .http
            .request(method.parse().unwrap(), url.clone())
            .header("content-type", form)
            .body(body.to_owned());
        for (name, value) in signed {
            builder = builder.header(name, value);
        }
        let answer = builder.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn credentials(access: &str, secret: &str) -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::new(access),
        secret_access_key: Secret::new(secret),
        session_token: None,
        expiration: None,
    }
}
