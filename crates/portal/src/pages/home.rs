//! The front page: the person's rights in each survey, and their leases.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use skykey_types::{
    Access, Lease, LeaseEnd, LeaseState, Limits, Method, Person, Survey, Timestamp,
};

use super::html;
use crate::Portal;
use crate::error::Problem;
use crate::sessions::WebSession;

/// The limit of live and of ended leases on the page; the newest are shown.
const MAX_LEASES_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    surveys: Vec<&'a Survey>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    name: &'a str,
    csrf: &'a str,
    surveys: Vec<SurveyView<'a>>,
    live: Vec<LeaseView>,
    /// Live leases that are not shown.
    more: usize,
    ended: Vec<LeaseView>,
    join_at: &'a str,
}

struct SurveyView<'a> {
    survey: &'a Survey,
    reads: bool,
    writes: bool,
    lifetimes: String,
    readers: String,
}

struct LeaseView {
    id: String,
    survey: String,
    method: &'static str,
    access: &'static str,
    state: String,
    live: bool,
    /// Whether it was revoked because its owner left, and is reinstated if they come back.
    may_come_back: bool,
}

pub(crate) async fn page(State(portal): State<Arc<Portal>>, headers: HeaderMap) -> Response {
    match portal.sessions.of(&headers) {
        None => html(&Welcome {
            surveys: portal.broker.surveys().iter().collect(),
        }),
        Some(session) => match home(&portal, &session).await {
            Ok(response) => response,
            Err(problem) => problem.page(),
        },
    }
}

async fn home(portal: &Portal, session: &WebSession) -> Result<Response, Problem> {
    let person = portal.broker.person(&session.caller).await?;
    let now = portal.broker.clock().now();
    let leases = portal.broker.leases(&session.caller.id).await?;
    let (mut live, mut ended): (Vec<_>, Vec<_>) = leases
        .iter()
        .map(|lease| LeaseView::new(lease, now))
        .partition(|lease| lease.live);
    let more = live.len().saturating_sub(MAX_LEASES_SHOWN);
    live.truncate(MAX_LEASES_SHOWN);
    ended.truncate(MAX_LEASES_SHOWN);
    Ok(html(&Home {
        name: &session.name,
        csrf: session.csrf.expose(),
        surveys: portal
            .broker
            .surveys()
            .iter()
            .map(|survey| SurveyView::new(survey, &person))
            .collect(),
        live,
        more,
        ended,
        join_at: portal.settings.join_at.as_str(),
    }))
}

impl<'a> SurveyView<'a> {
    fn new(survey: &'a Survey, person: &Person) -> Self {
        let access = survey.access_of(person);
        let readers: Vec<&str> = survey.readers.iter().map(AsRef::as_ref).collect();
        Self {
            survey,
            reads: access.is_some(),
            writes: access == Some(Access::Write),
            lifetimes: lifetimes(survey.lifetime),
            readers: readers.join(" or "),
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the template hands over a reference"
    )]
    fn method_words(method: &Method) -> &'static str {
        match method {
            Method::StsLite => "temporary (sts-lite)",
            Method::AssumeRole => "role (assume-role)",
            Method::Gateway => "gateway token",
            Method::Ec2 => "your own key (ec2)",
        }
    }
}

impl LeaseView {
    fn new(lease: &Lease, now: Timestamp) -> Self {
        let state = lease.state(now);
        let clock = |time: Timestamp| time.strftime("%H:%M UTC on %-d %b %Y").to_string();
        let words = match (state, lease.expires) {
            (LeaseState::Live, Some(end)) => format!("until {}", clock(end)),
            (LeaseState::Live, None) => "until you leave the group".to_owned(),
            (LeaseState::Expired, _) => "expired".to_owned(),
            (LeaseState::Revoked(at, why), _) => format!("{} at {}", why.as_str(), clock(at)),
        };
        Self {
            id: lease.id.to_string(),
            survey: lease.survey.to_string(),
            method: lease.method.as_str(),
            access: lease.access.as_str(),
            state: words,
            live: state == LeaseState::Live,
            may_come_back: matches!(state, LeaseState::Revoked(_, LeaseEnd::Removed))
                && lease.expires.is_some_and(|end| end > now)
                && lease.method != Method::Ec2,
        }
    }
}

/// Returns the range of lifetimes in seconds, and in hours where these are whole.
fn lifetimes(limits: Limits) -> String {
    let Limits { min, max } = limits;
    if min % 3600 == 0 && max % 3600 == 0 {
        let (least, most) = (min / 3600, max / 3600);
        format!("{min} to {max}, {least} to {most} hours")
    } else {
        format!("{min} to {max}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_shown_in_hours_where_these_are_whole() {
        let shown = |min, max| lifetimes(Limits { min, max });
        assert_eq!(shown(3600, 43200), "3600 to 43200, 1 to 12 hours");
        assert_eq!(shown(900, 43200), "900 to 43200");
    }
}
