//! From a file to a network that can run: bounded, checked, and with its faults named.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::{fmt, thread};

use sha2::{Digest as _, Sha256};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto, TensorProto};
use tract_onnx::prelude::{
    DatumType, Framework, InferenceModel, InferenceModelExt, IntoRunnable, TypedModel,
};
use tract_onnx::tract_core::ops::Cost;
use tract_onnx::tract_hir::internal::{Factoid, InferenceFact};

use super::network::Network;
use crate::node::{Digest, Model, ModelInput, units};

/// A larger file is no model that keeps up with video.
const MOST_BYTES: u64 = 256 << 20;
/// Multiplications for one frame: some ten seconds of one core. A deadline is looked at between
/// operators, so no single one may take much longer.
const MOST_WORK: u64 = 50_000_000_000;
/// What all results of its operators together may take.
const MOST_MEMORY: u64 = 1 << 30;
/// The library follows a model's structure by recursion.
const STACK: usize = 32 << 20;

/// Why a model cannot be run.
#[derive(Debug)]
pub enum Unloadable {
    Unreadable(std::io::Error),
    /// A folder, a pipe, a device.
    NoFile,
    TooLarge(u64),
    OtherDigest {
        found: Digest,
        wanted: Digest,
    },
    /// Not ONNX, damaged, or contradicting itself.
    Invalid(String),
    /// Operators that are not there, by their ONNX names.
    Unsupported(Vec<String>),
    /// Its input is another than the graph says.
    OtherInput {
        takes: String,
        given: String,
    },
    /// It computes more for one frame than any frame has time for.
    TooMuchWork(u64),
    TooMuchMemory(u64),
}

impl fmt::Display for Unloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unloadable::Unreadable(error) => write!(f, "{error}"),
            Unloadable::NoFile => f.write_str("it is no regular file, and a model is one"),
            Unloadable::TooLarge(bytes) => {
                write!(
                    f,
                    "it has {bytes} bytes, and a model may have at most {}",
                    units::show_bytes(MOST_BYTES)
                )
            }
            Unloadable::OtherDigest { found, wanted } => {
                write!(f, "its SHA-256 is {found}, and `sha256` says {wanted}")
            }
            Unloadable::Invalid(why) => write!(f, "it is no ONNX model that can be run: {why}"),
            Unloadable::Unsupported(operators) => {
                write!(f, "it uses operators that framegate does not have: {}", operators.join(", "))
            }
            Unloadable::OtherInput { takes, given } => {
                write!(f, "its input is {takes}, and `input` gives {given}")
            }
            Unloadable::TooMuchWork(work) => write!(
                f,
                "it multiplies {} million times for one frame, and may {} million times",
                work / 1_000_000,
                MOST_WORK / 1_000_000
            ),
            Unloadable::TooMuchMemory(bytes) => write!(
                f,
                "it takes {} while it runs, and may take {}",
                units::show_bytes(*bytes),
                units::show_bytes(MOST_MEMORY)
            ),
        }
    }
}

impl std::error::Error for Unloadable {}

/// Reads and plans a model.
///
/// # Errors
/// [`Unloadable`].
pub fn load(model: &Model) -> Result<Network, Unloadable> {
    let bytes = read(&model.path)?;
    let found = Digest(Sha256::digest(&bytes).into());
    if let Some(wanted) = model.digest.filter(|wanted| *wanted != found) {
        return Err(Unloadable::OtherDigest { found, wanted });
    }
    // A thread of its own: for its stack, and because a panic of the library ends with it.
    thread::scope(|scope| {
        let planning = thread::Builder::new()
            .name("model".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || plan(&bytes, &model.input))
            .map_err(Unloadable::Unreadable)?;
        planning
            .join()
            .unwrap_or_else(|_| Err(Unloadable::Invalid("reading it failed altogether".to_owned())))
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Unloadable> {
    // Asked before it is opened: opening a pipe would wait for whoever writes to it.
    let found = fs::metadata(path).map_err(Unloadable::Unreadable)?;
    if !found.is_file() {
        return Err(Unloadable::NoFile);
    }
    if found.len() > MOST_BYTES {
        return Err(Unloadable::TooLarge(found.len()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Unloadable::Unreadable)?;
    // It may have grown since.
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Unloadable::Unreadable)?;
    Ok(bytes)
}

fn plan(bytes: &[u8], input: &ModelInput) -> Result<Network, Unloadable> {
    // From memory and not by path: a model that keeps its weights in other files gets none.
    let onnx = tract_onnx::onnx();
    let mut proto = onnx.proto_model_for_read(&mut &*bytes).map_err(invalid)?;
    write_default(&mut proto);
    let mut model = onnx.model_for_proto_model(&proto).map_err(invalid)?;
    refuse_unsupported(&model)?;
    fix_input(&mut model, input)?;
    let typed = model.into_typed().and_then(TypedModel::into_decluttered).map_err(invalid)?;
    bound(&typed)?;
    let runnable = typed.into_optimized().and_then(IntoRunnable::into_runnable).map_err(invalid)?;
    Network::new(runnable, input.clone()).map_err(invalid)
}

fn refuse_unsupported(model: &InferenceModel) -> Result<(), Unloadable> {
    // The library keeps a place for what it does not have, under this name.
    let names = model.nodes().iter().map(|node| node.op.name().into_owned());
    let missing = |name: String| Some(name.strip_prefix("Unimplemented(")?.trim_end_matches(')').to_owned());
    let mut names: Vec<String> = names.filter_map(missing).collect();
    names.sort();
    names.dedup();
    if names.is_empty() { Ok(()) } else { Err(Unloadable::Unsupported(names)) }
}

/// Writes out a default that the library gets wrong: what `ConstantOfShape` fills with is an f32 in ONNX,
/// and an f64 to it. BlazeFace has one.
fn write_default(proto: &mut ModelProto) {
    let nodes = proto.graph.iter_mut().flat_map(|graph| &mut graph.node);
    for node in nodes.filter(|node| node.op_type == "ConstantOfShape" && node.attribute.is_empty()) {
        let zero =
            TensorProto { dims: vec![1], data_type: 1, float_data: vec![0.0], ..TensorProto::default() };
        let (name, r#type) = ("value".to_owned(), AttributeType::Tensor as i32);
        node.attribute.push(AttributeProto { name, r#type, t: Some(zero), ..AttributeProto::default() });
    }
}

/// Holds the model's first input against what the graph says, and settles what the model leaves open.
fn fix_input(model: &mut InferenceModel, input: &ModelInput) -> Result<(), Unloadable> {
    if model.inputs.is_empty() {
        return Err(Unloadable::Invalid("it has no input".to_owned()));
    }
    let own = model.input_fact(0).map_err(invalid)?.clone();
    let element = own.datum_type.concretize().unwrap_or(DatumType::F32);
    let shape = input.shape();
    let other = || Unloadable::OtherInput { takes: describe(&own, element), given: join(&shape) };
    if !matches!(element, DatumType::F32 | DatumType::U8) {
        return Err(Unloadable::Invalid(format!("its input is made of {element:?}, not of f32 or u8")));
    }
    if own.shape.rank().concretize().is_some_and(|rank| rank != shape.len() as i64) {
        return Err(other());
    }
    let fits = |(own, ours): (&_, &usize)| known(own).is_none_or(|own| own == *ours);
    if !own.shape.dims().zip(&shape).all(fits) {
        return Err(other());
    }
    model.set_input_fact(0, InferenceFact::dt_shape(element, shape)).map_err(invalid)
}

type Dimension = tract_onnx::tract_hir::infer::DimFact;

fn known(dimension: &Dimension) -> Option<usize> {
    dimension.concretize()?.as_i64().and_then(|side| usize::try_from(side).ok())
}

/// `1x3x?x? of F32`.
fn describe(fact: &InferenceFact, element: DatumType) -> String {
    let side = |dimension: &Dimension| known(dimension).map_or("?".to_owned(), |side| side.to_string());
    let sides: Vec<String> = fact.shape.dims().map(side).collect();
    format!("{} of {element:?}", sides.join("x"))
}

fn join(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Refuses what would take too long or too much, as far as its shapes tell.
fn bound(model: &TypedModel) -> Result<(), Unloadable> {
    let (mut memory, mut work) = (0_u64, 0_u64);
    for node in model.nodes() {
        for output in &node.outputs {
            let shape = output.fact.shape.as_concrete();
            let shape =
                shape.ok_or_else(|| Unloadable::Invalid(format!("the size of \"{}\" is open", node.name)))?;
            let elements = shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
            memory = memory.saturating_add(elements.saturating_mul(output.fact.datum_type.size_of() as u64));
        }
        let inputs = model.node_input_facts(node.id).map_err(invalid)?;
        for (cost, times) in node.op.cost(&inputs).map_err(invalid)? {
            if matches!(cost, Cost::FMA(_) | Cost::Div(_)) {
                work =
                    work.saturating_add(times.as_i64().and_then(|times| times.try_into().ok()).unwrap_or(0));
            }
        }
    }
    match (memory > MOST_MEMORY, work > MOST_WORK) {
        (true, _) => Err(Unloadable::TooMuchMemory(memory)),
        (_, true) => Err(Unloadable::TooMuchWork(work)),
        _ => Ok(()),
    }
}

/// The library's own words, first and last link: what it was at, and what was wrong.
fn invalid(error: tract_onnx::prelude::TractError) -> Unloadable {
    let first = error.to_string();
    let last = error.root_cause().to_string();
    let text = if first == last { first } else { format!("{first}: {last}") };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    Unloadable::Invalid(text)
}
