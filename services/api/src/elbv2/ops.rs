//! The operations: `ops/<operation>.rs` has
//! `pub async fn <operation>(cx: &Context, input: <Operation>Input) -> Result<<Operation>Output>`.
