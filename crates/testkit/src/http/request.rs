/// A request, as far as tests look at it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, path and query: `PUT /m13?policy=`.
    pub line: String,
    /// The request line and the headers, in lower case.
    pub head: String,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Names in lower case, values as they came.
    headers: Vec<(String, String)>,
}

impl Request {
    /// Returns a header's value as it came. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        let (_, target) = self.line.split_once(' ').unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// Returns the access key id that signed it, in lower case; empty if it is not signed.
    pub fn access_key_id(&self) -> &str {
        let (_, after) = self.head.split_once("credential=").unwrap_or_default();
        after.split('/').next().unwrap_or_default()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns nothing until all of the request is there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let body = &bytes[end + 4..];
        let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut request = Self {
            line,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            head: head.to_ascii_lowercase(),
            body: body.to_vec(),
        };
        let length = request.header("content-length").unwrap_or("0");
        let length: usize = length.parse().ok()?;
        request.body.truncate(length);
        (body.len() >= length).then_some(request)
    }
}
