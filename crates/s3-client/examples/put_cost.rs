//! Measures the CPU that the client spends on a PUT of a stamp: 20,160 bytes, over loopback, to a
//! process of its own that reads the body and answers 200. The client has one thread.
//!
//! ```sh
//! cargo run --release -p skykey-s3-client --example put_cost
//! ```
//!
//! `put_cost REQUESTS IN_FLIGHT` sets how many; the CPU of the sink is not counted.

#![expect(
    clippy::print_stdout,
    reason = "a program that prints what it measured"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as BareClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use skykey_s3_client::operations::put_object;
use skykey_s3_client::{Endpoint, RequestBody, S3Client};
use skykey_types::{AccessKeyId, Credentials, Secret, SystemClock};
use skykey_upstream::{Settings, Upstream};

const STAMP_BYTES: usize = 20_160;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("sink") {
        return Ok(sink()?);
    }
    let requests = first.map_or(Ok(40_000), |text| text.parse())?;
    let in_flight = arguments.next().map_or(Ok(64), |text| text.parse())?;

    let mut child = Command::new(std::env::current_exe()?)
        .arg("sink")
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the sink has no output")?;
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for how in [How::Bare, How::Unsigned, How::Hashed, How::Retried] {
        // The connections are made before it counts.
        runtime.block_on(put(address.trim(), how, in_flight * 4, in_flight))?;
        let (cpu, begun) = (cpu_seconds()?, Instant::now());
        runtime.block_on(put(address.trim(), how, requests, in_flight))?;
        let (cpu, wall) = (cpu_seconds()? - cpu, begun.elapsed().as_secs_f64());
        let count = f64::from(u32::try_from(requests)?);
        println!(
            "{how:?}: {:.1} us of CPU per PUT, {:.0} PUT per CPU-second, {:.0} PUT per second",
            cpu / count * 1e6,
            count / cpu,
            count / wall
        );
    }
    child.kill()?;
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// The same request by a bare pooled client of `hyper-util`, to compare.
    Bare,
    /// `S3Client::stream` with `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `S3Client::open` with the payload's SHA-256.
    Hashed,
    /// `S3Client::send`, which may repeat it, with the payload's SHA-256.
    Retried,
}

async fn put(
    address: &str,
    how: How,
    requests: usize,
    in_flight: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = Endpoint::new(
        format!("http://{address}/").parse()?,
        "us-east-1",
        Arc::new(SystemClock),
    );
    let upstream = Upstream::new(Settings::data_path("the sink"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let bare = BareClient::builder(TokioExecutor::new()).build(connector);
    let client = S3Client::new(upstream, endpoint);
    let credentials = Arc::new(Credentials {
        access_key_id: AccessKeyId::new("AKIAIOSFODNN7EXAMPLE"),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
        expiration: None,
    });
    let bucket: skykey_types::BucketName = "stamps".parse()?;
    let stamp = Bytes::from(vec![0x5a; STAMP_BYTES]);
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (client, credentials, next) =
                (client.clone(), Arc::clone(&credentials), Arc::clone(&next));
            let (bucket, stamp, bare) = (bucket.clone(), stamp.clone(), bare.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return Ok(());
                    }
                    let key = format!("cutouts/{:03}/{number:09}.fits", number % 1000);
                    let request = match how {
                        How::Bare => {
                            put_object::request(&bucket, &key, Bytes::new()).unsigned_payload()
                        }
                        How::Unsigned => put_object::request(&bucket, &key, Bytes::new()),
                        How::Hashed | How::Retried => {
                            put_object::request(&bucket, &key, stamp.clone())
                        }
                    };
                    match how {
                        How::Bare => {
                            let signed = client.endpoint().sign(&credentials, &request)?;
                            let signed = signed.map(|()| Full::new(stamp.clone()));
                            let answer = bare.request(signed).await.map_err(|error| {
                                request.unexpected(format!("the sink is gone: {error}"))
                            })?;
                            // It is empty.
                            drop(answer.into_body().collect().await);
                        }
                        How::Unsigned => {
                            let body = RequestBody::from(stamp.clone());
                            let opened = client.stream(&credentials, &request, body).await?;
                            opened.read().await?;
                        }
                        How::Hashed => {
                            let opened = client.open(&credentials, &request).await?;
                            opened.read().await?;
                        }
                        How::Retried => {
                            client.call(&credentials, &request).await?;
                        }
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        let outcome: Result<(), skykey_s3_client::S3Error> = worker.await?;
        outcome?;
    }
    Ok(())
}

/// User and system time of this process; `/proc` counts in ticks of 10 ms.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let field = |index: usize| -> Result<f64, Box<dyn std::error::Error>> {
        let text = after.split_whitespace().nth(index).ok_or("too short")?;
        Ok(text.parse()?)
    };
    Ok((field(11)? + field(12)?) / 100.0)
}

/// Reads each body and answers 200, a thread a connection.
fn sink() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || drain(stream));
    }
    Ok(())
}

fn drain(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    let mut held = 0;
    loop {
        let end = loop {
            let head = &buffer[..held];
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer[held..])? {
                0 => return Ok(()),
                read => held += read,
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        let mut left: usize = end + length;
        while left > held {
            left -= held;
            held = stream.read(&mut buffer)?;
            if held == 0 {
                return Ok(());
            }
        }
        buffer.copy_within(left..held, 0);
        held -= left;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"e\"\r\n\r\n")?;
    }
}
