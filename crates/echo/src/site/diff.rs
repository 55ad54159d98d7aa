//! The difference between two texts, line by line.

/// Longer texts than this are shown one after the other: the table of a comparison grows with the
/// square.
const MAX_COMPARED_LINES: usize = 2000;

/// Every line of both: `- ` only in the old one, `+ ` only in the new one, `  ` in both.
pub(super) fn lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut shown = Vec::new();
    let (mut o, mut n) = (0, 0);
    if old.len().max(new.len()) <= MAX_COMPARED_LINES {
        let common = common(&old, &new);
        while o < old.len() && n < new.len() {
            if old[o] == new[n] {
                shown.push(format!("  {}", old[o]));
                (o, n) = (o + 1, n + 1);
            } else if common[o + 1][n] >= common[o][n + 1] {
                shown.push(format!("- {}", old[o]));
                o += 1;
            } else {
                shown.push(format!("+ {}", new[n]));
                n += 1;
            }
        }
    }
    shown.extend(old[o..].iter().map(|line| format!("- {line}")));
    shown.extend(new[n..].iter().map(|line| format!("+ {line}")));
    shown
}

/// How many lines `old[o..]` and `new[n..]` have in common, for every `o` and `n`.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u16>> {
    let mut table = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for o in (0..old.len()).rev() {
        for n in (0..new.len()).rev() {
            table[o][n] = if old[o] == new[n] {
                table[o + 1][n + 1] + 1
            } else {
                table[o + 1][n].max(table[o][n + 1])
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_is_shown_once() {
        assert_eq!(
            lines("a\nb\nd", "a\nc\nd\ne"),
            ["  a", "- b", "+ c", "  d", "+ e"]
        );
        assert_eq!(lines("", "a"), ["+ a"]);
        assert_eq!(lines("a", ""), ["- a"]);
        assert!(lines("", "").is_empty());
        let long = "x\n".repeat(3000);
        assert_eq!(lines(&long, &long).len(), 6000);
    }
}
