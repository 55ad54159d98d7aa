//! Vectors of the published `aws-sig-v4-test-suite` (those that do not ask for path
//! normalisation, which S3 does not do).

use skykey_sigv4::*;
use skykey_types::Secret;

const TIME: &str = "20150830T123600Z";
const HOST: (&str, &str) = ("Host", "example.amazonaws.com");
const DATE: (&str, &str) = ("X-Amz-Date", TIME);

fn check(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    payload: &[u8],
    expected: &str,
) {
    let payload_hash = &sha256_hex(payload);
    let canonical = canonical_request(&Request {
        method,
        path,
        query,
        headers,
        payload_hash,
    });
    let scope: Scope = "20150830/us-east-1/service/aws4_request".parse().unwrap();
    let key = SigningKey::derive(
        &Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        &scope,
    );
    let text = string_to_sign(TIME, &scope, &canonical);
    assert_eq!(key.sign(&text), expected, "\n{canonical}\n\n{text}");
}

#[test]
fn get_vanilla() {
    let expected = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    check("GET", "/", "", &[HOST, DATE], b"", expected);
    check("GET", "", "", &[DATE, HOST], b"", expected);
}

#[test]
fn get_vanilla_query_order_key_case() {
    let expected = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    check(
        "GET",
        "/",
        "Param2=value2&Param1=value1",
        &[HOST, DATE],
        b"",
        expected,
    );
}

#[test]
fn get_utf8() {
    let expected = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85";
    check("GET", "/\u{1234}", "", &[HOST, DATE], b"", expected);
    check("GET", "/%E1%88%B4", "", &[HOST, DATE], b"", expected);
}

#[test]
fn get_vanilla_utf8_query() {
    let expected = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04";
    check("GET", "/", "\u{1234}=bar", &[HOST, DATE], b"", expected);
}

#[test]
fn get_header_value_trim() {
    let expected = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
    check(
        "GET",
        "/",
        "",
        &[
            HOST,
            ("My-Header1", " value1"),
            ("My-Header2", " \"a   b   c\""),
            DATE,
        ],
        b"",
        expected,
    );
}

#[test]
fn post_vanilla() {
    let expected = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    check("POST", "/", "", &[HOST, DATE], b"", expected);
}

#[test]
fn post_header_key_sort() {
    let expected = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c";
    check(
        "POST",
        "/",
        "",
        &[HOST, ("My-Header1", "value1"), DATE],
        b"",
        expected,
    );
}

#[test]
fn post_x_www_form_urlencoded() {
    let expected = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    check(
        "POST",
        "/",
        "",
        &[form, HOST, DATE],
        b"Param1=value1",
        expected,
    );
}
