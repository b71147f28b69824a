//! One request at a time to the REST interface of LND on this machine.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Posts `body`, or gets without one; the answer, or LND's words.
pub fn ask(port: u16, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let (method, body) = match body {
        Some(body) => ("POST", body.to_string()),
        None => ("GET", String::new()),
    };
    let mut socket = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).map_err(|e| e.to_string())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).map_err(|e| e.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let json: Value = serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))?;
    if head.split_whitespace().nth(1) == Some("200") { Ok(json) } else { Err(json.to_string()) }
}
