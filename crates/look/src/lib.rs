//! The look of every page: one style sheet, which the portal and the embedded IAM both serve, so
//! that a person who goes from one to the other stays in the same house. It holds no words and no
//! markup. What always holds: it needs no script, no font and no picture from anywhere; light or
//! dark is the browser's choice; text has the contrast that WCAG 2.2 requires, and the focused
//! element is marked.
//!
//! | class | on | what |
//! |---|---|---|
//! | `top` | `header` | the band of night sky; in it `brand` and `who` |
//! | `card` | `section`, `li`, `form` | a sheet of paper on the ground |
//! | `quiet` | `button`, `.button` | an action that is not the first choice |
//! | `note` | text | what need not be read first |
//! | `problem`, `notice` | `p` | what went wrong; what must not be missed |
//! | `rows` | `ul` | things with an action each; `row` within a thing keeps text and action apart |
//! | `tag`, `state`, `id` | `span`, `p`, `code` | a word of a lease; where it stands; its name |
//! | `fields` | `div` | fields of a form beside each other, where there is room |
//! | `paste` | `div` | a text to paste, which scrolls by itself |

/// The style sheet.
pub const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::STYLE;

    /// A colour of the first or the second list of colours: those of light, those of dark.
    fn colour(list: usize, name: &str) -> f64 {
        let declaration = format!("--{name}: #");
        let text = STYLE.split(&declaration).nth(list + 1).unwrap();
        let linear = |at: usize| {
            let part = f64::from(u8::from_str_radix(&text[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(0) + 0.7152 * linear(2) + 0.0722 * linear(4)
    }

    /// WCAG 2.2, "contrast ratio".
    fn contrast(list: usize, one: &str, other: &str) -> f64 {
        let (one, other) = (colour(list, one), colour(list, other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_and_edges_have_the_contrast_that_wcag_asks_for() {
        for list in [0, 1] {
            for ground in ["paper", "card", "soft"] {
                for text in ["ink", "note", "key", "good", "warn", "bad"] {
                    let found = contrast(list, text, ground);
                    assert!(found >= 4.5, "{text} on {ground}, list {list}: {found:.2}");
                }
            }
            assert!(contrast(list, "on-key", "key") >= 4.5);
            assert!(contrast(list, "star", "night") >= 7.0);
            // The edge of a field is all that shows where it is (1.4.11).
            assert!(contrast(list, "edge", "card") >= 3.0);
        }
    }

    #[test]
    fn it_fetches_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
