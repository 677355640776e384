//! The operations: `ops/<operation>.rs` has
//! `pub async fn <operation>(cx: &Context, input: <Operation>Request) -> Result<<Operation>Result>`; the response of those whose
//! model has none is [`aws_model::Nothing`].
