//! Our blocks in somebody else's text: between two comment lines, one for each profile. Whatever is
//! outside stays as it is, byte for byte, and taking the last block out gives back the text as it was.

use super::By;

/// A block that began and has no end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoEnd(pub(super) String);

const OPEN: &str = "# >>> skykey ";
const CLOSE: &str = "# <<< skykey ";

/// Puts the block in place of the one of that name, else at the end.
pub(super) fn put(text: &str, name: &str, by: By, body: &str) -> Result<String, NoEnd> {
    let words = match by {
        By::Setup => "written by 'skykey setup', removed by 'skykey setup --remove'",
        By::Agent => "rewritten by 'skykey agent', removed when it stops",
    };
    let block = format!("{OPEN}{name}: {words}\n{body}{CLOSE}{name}\n");
    Ok(match find(text, name)? {
        Some((begin, end)) => format!("{}{block}{}", &text[..begin], &text[end..]),
        None if text.is_empty() => block,
        // This line break is ours, whether it ends a line or makes an empty one.
        None => format!("{text}\n{block}"),
    })
}

/// The text without our blocks, or without that of one name, and the names of those taken out.
pub(super) fn remove(text: &str, only: Option<&str>) -> Result<(String, Vec<String>), NoEnd> {
    let mut text = text.to_owned();
    let mut removed = Vec::new();
    for name in names(&text) {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        if let Some((begin, end)) = find(&text, &name)? {
            let before_another = text[end..].starts_with(&format!("\n{OPEN}"));
            let (begin, end) = match begin {
                // The text begins with it, so there was no line break to add; the next one's goes with it.
                0 if before_another => (0, end + 1),
                0 => (0, end),
                begin if text[..begin].ends_with('\n') => (begin - 1, end),
                begin => (begin, end),
            };
            text.replace_range(begin..end, "");
            removed.push(name);
        }
    }
    Ok((text, removed))
}

/// The text without the block of this name.
pub(super) fn others(text: &str, name: &str) -> Result<String, NoEnd> {
    remove(text, Some(name)).map(|(text, _)| text)
}

fn names(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix(OPEN)?.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Where the block begins and ends.
fn find(text: &str, name: &str) -> Result<Option<(usize, usize)>, NoEnd> {
    let (open, close) = (format!("{OPEN}{name}:"), format!("{CLOSE}{name}"));
    let mut begin = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if begin.is_none() && line.starts_with(&open) {
            begin = Some(at);
        }
        at += line.len();
        if let Some(begin) = begin
            && line.trim_end() == close
        {
            return Ok(Some((begin, at)));
        }
    }
    match begin {
        None => Ok(None),
        Some(_) => Err(NoEnd(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_comes_back_byte_for_byte() {
        for text in [
            "",
            "abc",
            "abc\n",
            "\n\n",
            "[default]\r\nregion = x\r\n",
            "# é\n\n",
        ] {
            let one = put(text, "m13", By::Setup, "[profile m13]\na = 1\n").unwrap();
            let two = put(&one, "other", By::Setup, "[profile other]\n").unwrap();
            let again = put(&two, "m13", By::Setup, "[profile m13]\na = 2\n").unwrap();
            assert!(again.starts_with(text) && again.contains("a = 2") && !again.contains("a = 1"));
            let (left, removed) = remove(&again, Some("m13")).unwrap();
            assert_eq!(removed, ["m13"]);
            assert!(left.contains("[profile other]") && !left.contains("m13"));
            assert_eq!(
                remove(&left, None).unwrap(),
                (text.to_owned(), vec!["other".to_owned()])
            );
            assert_eq!(remove(&again, None).unwrap().0, text);
        }
    }

    #[test]
    fn a_new_file_does_not_begin_with_an_empty_line() {
        let one = put("", "m13", By::Setup, "x\n").unwrap();
        let two = put(&one, "other", By::Setup, "y\n").unwrap();
        assert!(one.starts_with(OPEN) && two.starts_with(OPEN), "{two}");
        let (left, _) = remove(&two, Some("m13")).unwrap();
        assert!(left.starts_with(OPEN), "{left}");
        assert_eq!(remove(&left, None).unwrap().0, "");
        let mine = one + "\nmine\n";
        assert_eq!(remove(&mine, None).unwrap().0, "\nmine\n");
    }

    #[test]
    fn what_others_wrote_around_a_block_stays() {
        let text = put("before\n", "m13", By::Setup, "x\n").unwrap() + "after\n";
        assert_eq!(remove(&text, None).unwrap().0, "before\nafter\n");
        assert_eq!(
            remove("no block of skykey\n", None).unwrap().1,
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_block_without_an_end_is_left_alone() {
        let text = put("", "m13", By::Setup, "x\n")
            .unwrap()
            .replace("# <<<", "# <");
        assert_eq!(remove(&text, None), Err(NoEnd("m13".to_owned())));
        assert_eq!(
            put(&text, "m13", By::Setup, "y\n"),
            Err(NoEnd("m13".to_owned()))
        );
    }
}
