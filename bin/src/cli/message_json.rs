//! A message as JSON in lncli's shape: fields by their names in the .proto, those that are not set too, 64-bit
//! numbers as strings, bytes as hex, enums by name.

use crate::exit::{Exit, Failure};
use prost::Message;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage,
    Value,
};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

/// The message of this full name, over several lines.
///
/// # Errors
/// [`Exit::Failed`] when the .proto has no such message.
pub fn pretty(name: &str, message: &impl Message) -> Result<String, Failure> {
    written(name, &whole(name, message)?)
}

/// The same with what LND's message has no fields for: a second message, under the name `navvy`.
///
/// # Errors
/// As of [`pretty`].
pub fn pretty_with(
    name: &str,
    message: &impl Message,
    own_name: &str,
    own: &impl Message,
) -> Result<String, Failure> {
    written(name, &Both { message: whole(name, message)?, own: whole(own_name, own)? })
}

fn written(name: &str, json: &impl Serialize) -> Result<String, Failure> {
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    json.serialize(&mut serializer).map_err(|error| failed(name, &error))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|error| failed(name, &error))
}

/// The same on one line.
///
/// # Errors
/// As of [`pretty`].
pub fn line(name: &str, message: &impl Message) -> Result<String, Failure> {
    let text = serde_json::to_string(&whole(name, message)?);
    text.map(|text| format!("{text}\n")).map_err(|error| failed(name, &error))
}

fn whole(name: &str, message: &impl Message) -> Result<Whole, Failure> {
    let pool =
        DescriptorPool::decode(rpc::proto::DESCRIPTORS).map_err(|error| failed(name, &error))?;
    let descriptor =
        pool.get_message_by_name(name).ok_or_else(|| failed(name, &"there is no such message"))?;
    let bytes = message.encode_to_vec();
    DynamicMessage::decode(descriptor, &*bytes).map(Whole).map_err(|error| failed(name, &error))
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{name} as JSON: {error}"))
}

struct Whole(DynamicMessage);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(&self.0, serializer)
    }
}

struct Both {
    message: Whole,
    own: Whole,
}

impl Serialize for Both {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entries(&self.message.0, &mut map)?;
        map.serialize_entry("navvy", &self.own)?;
        map.end()
    }
}

fn fields<S: Serializer>(message: &DynamicMessage, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    entries(message, &mut map)?;
    map.end()
}

fn entries<M: SerializeMap>(message: &DynamicMessage, map: &mut M) -> Result<(), M::Error> {
    for field in message.descriptor().fields() {
        let is_set = message.has_field(&field);
        // Of a choice only what was chosen; a message that is not there is null.
        if !is_set && field.containing_oneof().is_some() {
            continue;
        }
        if !is_set && is_single_message(&field) {
            map.serialize_entry(field.name(), &())?;
            continue;
        }
        let value = message.get_field(&field);
        map.serialize_entry(field.name(), &OfField { value: &value, kind: &field.kind() })?;
    }
    Ok(())
}

fn is_single_message(field: &FieldDescriptor) -> bool {
    field.cardinality() != Cardinality::Repeated && matches!(field.kind(), Kind::Message(_))
}

/// A value with the type that its field declares.
struct OfField<'a> {
    value: &'a Value,
    kind: &'a Kind,
}

impl Serialize for OfField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_str(&hex(value)),
            Value::EnumNumber(number) => self.enumeration(*number, serializer),
            Value::Message(message) => fields(message, serializer),
            Value::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&OfField { value, kind: self.kind })?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let kind = self.entry_kind();
                let mut sorted: Vec<(&MapKey, &Value)> = entries.iter().collect();
                sorted.sort_by_key(|(key, _)| (*key).clone());
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                for (key, value) in sorted {
                    map.serialize_entry(&key_text(key), &OfField { value, kind: &kind })?;
                }
                map.end()
            }
        }
    }
}

impl OfField<'_> {
    fn enumeration<S: Serializer>(&self, number: i32, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.kind.as_enum().and_then(|kind| kind.get_value(number));
        match name {
            Some(name) => serializer.serialize_str(name.name()),
            None => serializer.serialize_i32(number),
        }
    }

    /// The type of a map's values.
    fn entry_kind(&self) -> Kind {
        let entry = self.kind.as_message().filter(|entry| entry.is_map_entry());
        entry.map_or_else(|| self.kind.clone(), |entry| entry.map_entry_value_field().kind())
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

/// Bytes as hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use super::*;
    use rpc::proto::lnrpc;
    use serde_json::json;

    fn value(name: &str, message: &impl Message) -> Result<serde_json::Value, Failure> {
        line(name, message).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn numbers_of_64_bits_are_strings_and_what_is_not_set_is_there() {
        let message = lnrpc::WalletBalanceResponse { total_balance: 7, ..Default::default() };
        let expected = json!({
            "total_balance": "7", "confirmed_balance": "0", "unconfirmed_balance": "0",
            "account_balance": {}, "locked_balance": "0", "reserved_balance_anchor_chan": "0",
        });
        assert_eq!(value("lnrpc.WalletBalanceResponse", &message).unwrap(), expected);
    }

    #[test]
    fn enums_have_names_and_messages_that_are_not_there_are_null() {
        let channel = lnrpc::Channel { commitment_type: 3, ..Default::default() };
        let json = value("lnrpc.Channel", &channel).unwrap();
        assert_eq!(json["commitment_type"], "ANCHORS");
        assert_eq!(json["local_constraints"], json!(null));
        assert_eq!(json["zero_conf"], false);
        assert_eq!(json["csv_delay"], 0);
        assert_eq!(json["pending_htlcs"], json!([]));
    }

    #[test]
    fn of_a_choice_only_what_was_chosen_is_there_and_bytes_are_hex() {
        use lnrpc::channel_point::FundingTxid;
        let funding_txid = Some(FundingTxid::FundingTxidBytes(vec![0, 0xab]));
        let point = lnrpc::ChannelPoint { funding_txid, output_index: 1 };
        let json = value("lnrpc.ChannelPoint", &point).unwrap();
        assert_eq!(json, json!({"funding_txid_bytes": "00ab", "output_index": 1}));
    }

    #[test]
    fn keys_of_maps_are_strings_in_the_order_of_their_numbers() {
        let feature = |name: &str| lnrpc::Feature { name: name.to_owned(), ..Default::default() };
        let features = [(9, feature("nine")), (13, feature("thirteen"))].into();
        let message = lnrpc::GetInfoResponse { features, ..Default::default() };
        let text = line("lnrpc.GetInfoResponse", &message).unwrap();
        assert!(text.find("\"9\":").unwrap() < text.find("\"13\":").unwrap(), "{text}");
    }

    #[test]
    fn an_unknown_message_is_said() {
        assert!(pretty("lnrpc.Nonsense", &lnrpc::StopRequest {}).is_err());
    }
}
