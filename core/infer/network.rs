//! A loaded network, and one run of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{error, fmt};

use tract_onnx::prelude::{
    DatumType, IntoTValue, TValue, TractError, TractResult, TypedNode, TypedRunnableModel, tract_data,
};
use tract_onnx::tract_core::internal::{EvalContext, OpState};
use tract_onnx::tract_core::plan;

use super::prepare::prepare;
use crate::media::{Frame, Pool};
use crate::node::ModelInput;
use crate::pixels::Rect;

/// A network that can run, on many threads at once.
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    input: ModelInput,
    /// What each input takes.
    takes: Vec<(Element, Vec<usize>)>,
}

/// What a tensor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    U8,
    F32,
}

/// Numbers in a shape: little endian, row major, packed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub element: Element,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Why a run gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrun {
    /// What it was given is not what it takes.
    Misfit(String),
    /// A frame is one input, and it has so many.
    Several(usize),
    /// It was told to stop before it was done.
    Stopped,
    Failed(String),
}

impl fmt::Display for Unrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unrun::Misfit(why) => f.write_str(why),
            Unrun::Several(inputs) => write!(f, "the model has {inputs} inputs, and a frame is only one"),
            Unrun::Stopped => f.write_str("the model was not done when the frame's time was over"),
            Unrun::Failed(why) => write!(f, "the model could not be run: {why}"),
        }
    }
}

impl Network {
    /// # Errors
    /// When an input beside the picture has no definite shape, or is made of something else.
    pub(super) fn new(plan: Arc<TypedRunnableModel>, input: ModelInput) -> TractResult<Network> {
        let model = plan.model();
        let takes = (0..model.inputs.len()).map(|index| {
            let fact = model.input_fact(index)?;
            let shape = fact.shape.as_concrete().map(<[usize]>::to_vec);
            match (Element::of(fact.datum_type), shape) {
                (Some(element), Some(shape)) => Ok((element, shape)),
                _ => Err(TractError::msg(format!("its input {index} is {fact:?}"))),
            }
        });
        let takes = takes.collect::<TractResult<_>>()?;
        Ok(Network { plan, input, takes })
    }

    /// Runs it on `area` of a frame, or all of it. `go_on` is asked between operators.
    ///
    /// # Errors
    /// [`Unrun`].
    pub fn run_on(
        &self,
        frame: &Frame,
        area: Option<Rect>,
        pool: &Pool,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Vec<Tensor>, Unrun> {
        let [(element, _)] = self.takes[..] else {
            return Err(Unrun::Several(self.takes.len()));
        };
        let prepared = prepare(frame, area, &self.input, element, pool)?;
        self.contained(|| self.evaluate(vec![prepared.into_tvalue()], go_on))
    }

    /// Runs it on tensors.
    ///
    /// # Errors
    /// [`Unrun`].
    pub fn run(&self, inputs: &[Tensor], go_on: &dyn Fn() -> bool) -> Result<Vec<Tensor>, Unrun> {
        if inputs.len() != self.takes.len() {
            let (takes, given) = (self.takes.len(), inputs.len());
            return Err(Unrun::Misfit(format!("the model has {takes} inputs, got {given}")));
        }
        for (index, (tensor, (element, shape))) in inputs.iter().zip(&self.takes).enumerate() {
            let bytes = shape.iter().product::<usize>() * element.bytes();
            if tensor.element != *element || tensor.shape != *shape || tensor.bytes.len() != bytes {
                return Err(Unrun::Misfit(format!(
                    "input {index} of the model is {shape:?} of {element:?}, got {:?} of {:?} in {} bytes",
                    tensor.shape,
                    tensor.element,
                    tensor.bytes.len()
                )));
            }
        }
        self.contained(|| {
            let values = inputs.iter().map(Tensor::to_library).collect::<TractResult<_>>()?;
            self.evaluate(values, go_on)
        })
    }

    fn evaluate(&self, inputs: Vec<TValue>, go_on: &dyn Fn() -> bool) -> TractResult<Vec<Tensor>> {
        let step = |context: &EvalContext<'_>,
                    state: Option<&mut (dyn OpState + 'static)>,
                    node: &TypedNode,
                    inputs| match go_on() {
            true => plan::eval(context, state, node, inputs),
            false => Err(TractError::from(Late)),
        };
        // A state of its own for each run: nothing of one frame is left for the next.
        let outputs = self.plan.spawn()?.run_plan_with_eval(inputs.into_iter().collect(), step)?;
        outputs.iter().map(|value| Tensor::from_library(value)).collect()
    }

    fn contained(&self, work: impl FnOnce() -> TractResult<Vec<Tensor>>) -> Result<Vec<Tensor>, Unrun> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(outputs)) => Ok(outputs),
            Ok(Err(error)) if error.is::<Late>() => Err(Unrun::Stopped),
            Ok(Err(error)) => Err(Unrun::Failed(error.root_cause().to_string())),
            Err(_) => Err(Unrun::Failed("the library that runs it panicked".to_owned())),
        }
    }
}

/// Time is over.
#[derive(Debug)]
struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("time is over")
    }
}

impl error::Error for Late {}

impl Element {
    pub const fn bytes(self) -> usize {
        match self {
            Element::U8 => 1,
            Element::F32 => 4,
        }
    }

    fn of(datum: DatumType) -> Option<Element> {
        match datum {
            DatumType::U8 => Some(Element::U8),
            DatumType::F32 => Some(Element::F32),
            _ => None,
        }
    }
}

impl Tensor {
    fn to_library(&self) -> TractResult<TValue> {
        let tensor = match self.element {
            Element::U8 => tract_data::prelude::Tensor::from_shape(&self.shape, &self.bytes)?,
            Element::F32 => {
                let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
                let numbers: Vec<f32> = self.bytes.as_chunks::<4>().0.iter().map(number).collect();
                tract_data::prelude::Tensor::from_shape(&self.shape, &numbers)?
            }
        };
        Ok(tensor.into_tvalue())
    }

    /// Whole numbers and truths come as f32, so that a plugin need know two kinds of numbers only.
    fn from_library(tensor: &tract_data::prelude::Tensor) -> TractResult<Tensor> {
        let shape = tensor.shape().to_vec();
        if tensor.datum_type() == DatumType::U8 {
            let bytes = tensor.try_as_plain_ram()?.as_slice::<u8>()?.to_vec();
            return Ok(Tensor { element: Element::U8, shape, bytes });
        }
        let numbers = tensor.cast_to::<f32>()?;
        let numbers = numbers.try_as_plain_ram()?.as_slice::<f32>()?.iter();
        Ok(Tensor {
            element: Element::F32,
            shape,
            bytes: numbers.flat_map(|number| number.to_le_bytes()).collect(),
        })
    }
}
