//! The embedded STS and a real one are tried with the same tests.

use std::sync::Arc;

use skykey_broker::{Ec2Keys, LeaseRequest};
use skykey_keystone::{Login, Settings};
use skykey_site::{KeystonePort, KeystoneSettings};
use skykey_sts::conformance::{self, Role, Stand};
use skykey_types::{
    Access, Credentials, Grant, Lifetime, Method, ProjectName, RequestId, Rights, Secret,
    SystemClock,
};
use skykey_upstream::UpstreamMetrics;

use crate::realstack::Stack;
use crate::world::{TestWorld, access_token, send_signed};

fn role(arn: &str, foreign: &str) -> Role {
    let place = "m13/in/".parse().unwrap();
    let access = Access::Read;
    Role {
        arn: arn.parse().unwrap(),
        foreign: foreign.parse().unwrap(),
        rights: Rights(vec![Grant { place, access }]),
        outside: "/m13/out".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_sts_conforms() {
    let sky = TestWorld::start().await;
    let curator = sky.lease("carol", "gateway", "3600", "write").await;
    for path in ["/m13/in/a", "/m13/out"] {
        let put = sky.send(&curator.credentials, "PUT", path, "x").await;
        assert_eq!(put.0, 200, "{}", put.1);
    }
    let people = &sky.world.up_file().people;
    let bob = people.iter().find(|person| person.username == "bob");
    let mut caller = sky.caller("bob");
    let token = access_token(&sky, "bob", &bob.unwrap().password).await;
    caller.iam_token = Some(token.into());
    let request = LeaseRequest {
        method: Some(Method::Ec2),
        lifetime: Some(Lifetime::seconds(43_200)),
        ..LeaseRequest::new("m13".parse().unwrap())
    };
    let issued = sky
        .world
        .broker()
        .issue(&caller, &request, &RequestId::new())
        .await
        .unwrap();
    conformance::all(&Stand {
        endpoint: sky.world.up_file().s3.clone(),
        region: "us-east-1".to_owned(),
        clock: Arc::new(sky.clock.clone()),
        wire_clock: Arc::new(SystemClock),
        asker: issued.credentials,
        object: "/m13/in/a".to_owned(),
        role: Some(role(
            "arn:aws:iam:::role/skykey-m13-readers",
            "arn:aws:iam:::role/skykey-other-readers",
        )),
    })
    .await;
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sts_of_a_real_ceph_conforms() {
    let Some(stack) = Stack::open().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    stack.put_in_order(folder.path()).await;
    let settings = KeystoneSettings {
        client: Settings {
            url: stack.keystone(),
            login: Login {
                username: "skykey".to_owned(),
                password: stack.password("skykey"),
                user_domain: "Default".to_owned(),
                project: None,
            },
            authorities: None,
            timeouts: None,
        },
        identity_provider: "iam".to_owned(),
        protocol: "openid".to_owned(),
        project_domain: "Default".to_owned(),
        admin: None,
        accept_application_credentials: false,
    };
    let metrics = UpstreamMetrics::default();
    let keystone = KeystonePort::new(settings, &metrics, Arc::new(SystemClock)).unwrap();
    let [data, readers]: [ProjectName; 2] = ["m13", "m13-ro"].map(|name| name.parse().unwrap());
    let curator = keystone.create_for_backend(&data).await.unwrap();
    let asker = keystone.create_for_backend(&readers).await.unwrap();
    let http = reqwest::Client::new();
    let send = async |credentials: &Credentials, method: &str, path: &str| {
        send_signed(&http, &stack.rgw(), credentials, method, path, "x").await
    };
    for path in ["/m13/in/a", "/m13/out"] {
        let put = send(&curator.credentials(), "PUT", path).await;
        assert_eq!(put.0, 200, "{}", put.1);
    }
    let stand = Stand {
        endpoint: stack.rgw(),
        region: stack.text("/region"),
        clock: Arc::new(SystemClock),
        wire_clock: Arc::new(SystemClock),
        asker: Credentials {
            secret_access_key: Secret::new(asker.secret.expose()),
            ..asker.credentials()
        },
        object: "/m13/in/a".to_owned(),
        role: Some(role(
            &stack.text("/surveys/0/role"),
            &stack.text("/surveys/1/role"),
        )),
    };
    let tried = tokio::spawn(async move { conformance::all(&stand).await }).await;
    for path in ["/m13/in/a", "/m13/out"] {
        send(&curator.credentials(), "DELETE", path).await;
    }
    for (project, made) in [(&data, curator), (&readers, asker)] {
        keystone
            .delete_backend(project, &made.access)
            .await
            .unwrap();
    }
    tried.unwrap();
}
