//! What the Query protocols of this crate make of a client's requests, and answers for the client to read, as lines of JSON: for
//! checks against clients in other languages (`tests/clients/test_wire.py`).
//!
//! Each line of the input, `{"service": …, "operation": …, "form": …}`, is answered by the decoded request, or by `{"error": …}`. At the
//! end of the input there comes one line for each operation: `{"service": …, "operation": …, "output": …, "xml": …}`.

use std::io::{self, BufRead};

use aws_model::query::{self, Form};
use aws_model::{Operation, OperationVisitor, ec2, elbv2, sample};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Request {
    service: String,
    operation: String,
    form: String,
}

/// Decodes the request when it comes to its operation.
struct Decode<'a> {
    request: &'a Request,
    decoded: Option<Value>,
}

impl OperationVisitor for Decode<'_> {
    fn visit<Op: Operation>(&mut self) {
        if Op::NAME != self.request.operation {
            return;
        }
        let form = Form::parse(self.request.form.as_bytes());
        let input = form
            .map_err(|error| error.to_string())
            .and_then(|form| query::decode::<Op>(&form).map_err(|error| error.to_string()));
        self.decoded = Some(match input {
            Ok(input) => json!(input),
            Err(error) => json!({ "error": error }),
        });
    }
}

/// Prints a full answer of each operation.
struct Answers(&'static str);

impl OperationVisitor for Answers {
    fn visit<Op: Operation>(&mut self) {
        let sample = sample::full(Op::OUTPUT);
        let output: Op::Output = serde_json::from_value(sample.clone()).expect("samples are read");
        let xml = query::encode::<Op>(&output, "an-id");
        let xml = String::from_utf8_lossy(&xml);
        println!(
            "{}",
            json!({"service": self.0, "operation": Op::NAME, "output": sample, "xml": xml})
        );
    }
}

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let mut decode = Decode {
            request: &request,
            decoded: None,
        };
        match request.service.as_str() {
            "ec2" => ec2::ops::visit(&mut decode),
            _ => elbv2::ops::visit(&mut decode),
        }
        println!(
            "{}",
            decode.decoded.unwrap_or(json!({"error": "no such operation"}))
        );
    }
    ec2::ops::visit(&mut Answers("ec2"));
    elbv2::ops::visit(&mut Answers("elbv2"));
    Ok(())
}
