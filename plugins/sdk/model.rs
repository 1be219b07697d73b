//! Neural networks that the graph names and the host runs: no pixel crosses, no network compiles here.

use crate::backend::{self, Handle};
use crate::{Error, Metadata, Rect, Result};

/// A model that the graph gives this node, by the name it has there.
///
/// To open one is to ask for the permission `inference`.
pub struct Model(backend::Model);

/// Numbers in a shape, the last side innermost.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// What a tensor is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

impl Model {
    /// # Errors
    /// When the node's `models:` has no such name.
    pub fn open(name: &str) -> Result<Model> {
        backend::open_model(name).map(Model)
    }

    /// The host scales the picture, or `area` of it, to what the model expects, and runs it. It sees
    /// what was drawn so far, and of a filter's own changes only those already written back.
    ///
    /// # Errors
    /// An area outside the picture, a model that takes more than a picture, no time left.
    pub fn run_frame(&self, frame: &Metadata, area: Option<Rect>) -> Result<Vec<Tensor>> {
        let handle: &Handle = frame.handle;
        backend::run_frame(&self.0, handle, area)
    }

    /// # Errors
    /// Tensors of another kind or shape than the model takes, no time left.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        backend::run(&self.0, inputs)
    }
}

impl Tensor {
    pub fn of_floats(shape: &[usize], numbers: Vec<f32>) -> Tensor {
        Tensor { shape: shape.to_vec(), numbers: Numbers::F32(numbers) }
    }

    pub fn of_bytes(shape: &[usize], numbers: Vec<u8>) -> Tensor {
        Tensor { shape: shape.to_vec(), numbers: Numbers::U8(numbers) }
    }

    /// # Errors
    /// When it is made of bytes.
    pub fn floats(&self) -> Result<&[f32]> {
        match &self.numbers {
            Numbers::F32(numbers) => Ok(numbers),
            Numbers::U8(_) => Err(Error::unsupported("the model gives bytes where numbers were expected")),
        }
    }
}
