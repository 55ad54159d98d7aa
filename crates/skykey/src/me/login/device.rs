//! By device code: a link and a code for any browser, anywhere.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use skykey_client::{Begun, Client, Keep, LoggedIn};

use crate::me::{at, print};

pub(super) async fn log_in(client: &Client, keep: Keep) -> anyhow::Result<LoggedIn> {
    let begun = client.begin_login().await?;
    print(&invitation(&begun, io::stdout().is_terminal()))?;
    Ok(client.finish_login(begun, keep).await?)
}

fn invitation(begun: &Begun, on_a_terminal: bool) -> String {
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
    if on_a_terminal && let Some(picture) = picture(link.as_str()) {
        let _ = write!(text, "\n{picture}\n");
    }
    let _ = writeln!(
        text,
        "\nWaiting; the code is good until {}. Ctrl-C gives up.",
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
