//! By device code: a link and a code for any browser, anywhere.

use std::fmt::Write;
use std::io;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use skykey_client::{Begun, Client, Keep, LoggedIn};

use crate::{at, print};

pub(super) async fn log_in(client: &Client, keep: Keep) -> anyhow::Result<LoggedIn> {
    let begun = client.begin_login().await?;
    print(&invitation(&begun, terminal_width()))?;
    Ok(client.finish_login(begun, keep).await?)
}

/// In characters; 0 where there is no terminal, or one that shows ASCII alone.
fn terminal_width() -> usize {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    if matches!(locale.as_deref(), Some("C" | "POSIX")) {
        return 0;
    }
    rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col))
}

fn invitation(begun: &Begun, width: usize) -> String {
    let device = &begun.device;
    let mut text = format!(
        "Open {} in any browser, here or on your phone, and enter the code\n\n    {}\n",
        device.verification_uri, device.user_code
    );
    if let Some(complete) = &device.verification_uri_complete {
        let _ = write!(text, "\nor open {complete}\n");
    }
    let link = device
        .verification_uri_complete
        .as_ref()
        .unwrap_or(&device.verification_uri);
    if let Some(picture) = picture(link.as_str())
        && picture
            .lines()
            .next()
            .is_some_and(|line| line.chars().count() <= width)
    {
        let _ = write!(text, "\n{picture}\n");
    }
    let _ = writeln!(
        text,
        "\nWaiting; the code is valid until {}. Ctrl-C gives up.",
        at(device.expires)
    );
    text
}

/// A QR code in half blocks; light on dark, as terminals mostly are, and phones read it on light ones too.
fn picture(link: &str) -> Option<String> {
    let code = QrCode::new(link.as_bytes()).ok()?;
    let picture = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_square_of_half_blocks() {
        let picture = picture("http://127.0.0.1:8081/device?user_code=BCDF-GHJK").unwrap();
        let widths: Vec<usize> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{picture}");
        assert!(picture.chars().all(|c| " ▀▄█\n".contains(c)), "{picture}");
        assert!(
            widths[0] <= 60 && widths.len() * 2 >= widths[0],
            "{picture}"
        );
    }
}
