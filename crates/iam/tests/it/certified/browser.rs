//! Somebody with a browser, at the forms of oidc-provider's development interactions.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, header};
use skykey_iam::DeviceStart;
use skykey_upstream::{Answer, Call, Settings, Upstream};
use url::{Url, form_urlencoded};

/// More pages than any login has.
const MAX_PAGES: usize = 20;

pub(crate) struct Browser {
    username: &'static str,
    /// Where the journey ends.
    redirect: &'static str,
    upstream: Upstream,
    cookies: BTreeMap<String, String>,
}

type Fields = BTreeMap<String, String>;

impl Browser {
    pub(crate) fn of(username: &'static str, redirect: &'static str) -> Self {
        Self {
            username,
            redirect,
            upstream: Upstream::new(Settings::of("the provider's pages")).unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Logs in and says yes to everything; the answer is where the client's code goes.
    pub(crate) async fn open(mut self, url: Url) -> Url {
        self.walk(url, &[])
            .await
            .expect("the provider sends the browser back")
    }

    pub(crate) async fn approve(mut self, start: &DeviceStart) {
        let typed = [("user_code", start.user_code.as_str())];
        assert_eq!(
            self.walk(start.verification_uri.clone(), &typed).await,
            None
        );
    }

    pub(crate) async fn deny(mut self, start: &DeviceStart) {
        let typed = [("user_code", start.user_code.as_str()), ("abort", "yes")];
        assert_eq!(
            self.walk(start.verification_uri.clone(), &typed).await,
            None
        );
    }

    /// Follows redirects and fills in forms until the client's address or a page without a form.
    async fn walk(&mut self, url: Url, typed: &[(&str, &str)]) -> Option<Url> {
        let mut at = url;
        let mut answer = self.send(Method::GET, &at, &Fields::new()).await;
        for _ in 0..MAX_PAGES {
            if let Some(location) = answer.headers.get(header::LOCATION) {
                at = at.join(location.to_str().unwrap()).unwrap();
                if at.as_str().starts_with(self.redirect) {
                    return Some(at);
                }
                answer = self.send(Method::GET, &at, &Fields::new()).await;
                continue;
            }
            let page = answer.text().into_owned();
            let (action, mut fields) = form(&page)?;
            for (name, value) in typed {
                fields.insert((*name).to_owned(), (*value).to_owned());
            }
            if fields.contains_key("login") {
                fields.insert("login".to_owned(), self.username.to_owned());
                fields.insert("password".to_owned(), "any".to_owned());
            }
            at = at.join(&action).unwrap();
            answer = self.send(Method::POST, &at, &fields).await;
            if fields.contains_key("abort") && fields.contains_key("xsrf") {
                return None;
            }
        }
        panic!("the pages do not end");
    }

    async fn send(&mut self, method: Method, url: &Url, fields: &Fields) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookies.join("; "))
            .body(Bytes::from(body))
            .unwrap();
        let answer = self
            .upstream
            .send(&Call::new("open", request))
            .await
            .unwrap();
        assert!(answer.status < 500, "{}", answer.text());
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The action of the page's form, and its fields as they are.
fn form(page: &str) -> Option<(String, Fields)> {
    let (_, form) = page.split_once("<form")?;
    let action = attribute(form, "action")?;
    let (form, _) = form.split_once("</form>")?;
    let inputs = form.split("<input").skip(1);
    let fields = inputs.filter_map(|input| {
        let (input, _) = input.split_once('>')?;
        Some((
            attribute(input, "name")?,
            attribute(input, "value").unwrap_or_default(),
        ))
    });
    Some((action, fields.collect()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}
