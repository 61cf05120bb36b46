//! From the parser's events to the tree. The only file that names the YAML crate.
//!
//! The event interface is used, not a serde one, because anchors, merge keys, duplicate keys and the
//! position of keys are gone behind serde.
//! Invariant: the stack is explicit and bounded by [`NESTING_MAX`]; the tree is no larger than the document.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use zeroize::Zeroizing;

use super::{DOCUMENT_BYTES_MAX, Explain, Faults, Key, NESTING_MAX, Node, Position, Scalar, Shape, Value};

/// A collection that has not ended.
struct Open {
    at: Position,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping {
        entries: Vec<(Key, Node)>,
        /// The line of each key.
        seen: HashMap<String, u32>,
        next: Next,
    },
}

/// What the next node of a mapping is.
enum Next {
    Key,
    Value(Key),
    /// The value of a key that was refused.
    Dropped,
}

pub(super) fn parse<P: Explain + From<Shape>>(yaml: &str, faults: &mut Faults<P>) -> Option<Node> {
    if yaml.len() > DOCUMENT_BYTES_MAX {
        let (bytes, bytes_max) = (yaml.len(), DOCUMENT_BYTES_MAX);
        faults.add(Position::START, Shape::TooLong { bytes, bytes_max });
        return None;
    }
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str_with_options(yaml, options()) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let text = error.kind().to_string().into_boxed_str();
                faults.add(position(*error.marker()), Shape::Syntax(text));
                return None;
            }
        };
        if faults.are_full() {
            return None;
        }
        let at = position(span.start);
        if matches!(event, Event::DocumentStart(..)) && root.is_some() {
            faults.add(at, Shape::SeveralDocuments);
            return None;
        }
        refuse_properties(&event, &span, faults);
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                // The parser gives `~` for what is not there at all.
                let absent = plain && span.is_empty();
                let text = if absent { String::new() } else { text.into_owned() };
                let text = Zeroizing::new(text);
                let value = Value::Scalar(Scalar { text, plain });
                Node { at, value }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let value = Value::Refused;
                Node { at, value }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == NESTING_MAX => {
                let depth_max = NESTING_MAX;
                faults.add(at, Shape::TooDeep { depth_max });
                return None;
            }
            Event::SequenceStart(..) => {
                let content = Content::List(Vec::new());
                open.push(Open { at, content });
                continue;
            }
            Event::MappingStart(..) => {
                let content = Content::Mapping { entries: Vec::new(), seen: HashMap::new(), next: Next::Key };
                open.push(Open { at, content });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { at, content } = open.pop()?;
                let value = match content {
                    Content::List(nodes) => Value::List(nodes),
                    Content::Mapping { entries, .. } => Value::Mapping(entries),
                };
                Node { at, value }
            }
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.place(node, faults),
            None => root = Some(node),
        }
    }
    if root.is_none() {
        let (expected, found) = ("a mapping", super::Found::Nothing);
        faults.add(Position::START, Shape::Unexpected { expected, found });
    }
    root
}

impl Open {
    fn place<P: Explain + From<Shape>>(&mut self, node: Node, faults: &mut Faults<P>) {
        match &mut self.content {
            Content::List(nodes) => nodes.push(node),
            Content::Mapping { entries, seen, next } => {
                *next = match std::mem::replace(next, Next::Key) {
                    Next::Key => key(node, seen, faults),
                    Next::Value(key) => {
                        entries.push((key, node));
                        Next::Key
                    }
                    Next::Dropped => Next::Key,
                }
            }
        }
    }
}

/// Checks the key of a mapping; a refused one takes its value with it.
fn key<P: Explain + From<Shape>>(node: Node, seen: &mut HashMap<String, u32>, faults: &mut Faults<P>) -> Next {
    let Value::Scalar(Scalar { text, plain }) = node.value else {
        if !matches!(node.value, Value::Refused) {
            faults.add(node.at, Shape::KeyNotText);
        }
        return Next::Dropped;
    };
    if plain && text.is_empty() {
        faults.add(node.at, Shape::KeyNotText);
        return Next::Dropped;
    }
    if plain && *text == "<<" {
        faults.add(node.at, Shape::MergeKey);
        return Next::Dropped;
    }
    if let Some(&first_line) = seen.get(text.as_str()) {
        let name = super::shape::name_of_key(&text);
        faults.add(node.at, Shape::DuplicateKey { name, first_line });
        return Next::Dropped;
    }
    let name = text.to_string();
    seen.insert(name.clone(), node.at.line);
    Next::Value(Key { at: node.at, name })
}

fn refuse_properties<P: Explain + From<Shape>>(event: &Event<'_>, span: &Span, faults: &mut Faults<P>) {
    if event.anchor_id().is_some() {
        faults.add(position(span.start), Shape::Anchor);
    }
    if event.tag().is_some() {
        let at = span.tag_start().unwrap_or(span.start);
        faults.add(position(at), Shape::Tag);
    }
    if matches!(event, Event::Alias(_) | Event::UnresolvedAlias(_)) {
        faults.add(position(span.start), Shape::Alias);
    }
}

fn options() -> Options {
    granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: 2 * NESTING_MAX,
        block_nesting_limit: 2 * NESTING_MAX,
    }
}

fn position(mark: granit_parser::Marker) -> Position {
    let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position { line: count(mark.line()), column: count(mark.col()).saturating_add(1) }
}
