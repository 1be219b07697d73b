//! The models that the graph names for this plugin's node.
//!
//! Owns the names a plugin may open and the translation of tensors. The networks themselves are
//! `infer`'s, shared between nodes, and run here on the thread that runs the plugin: its time is the
//! frame's.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Resource;

use super::State;
use crate::infer::{Element, Network, Tensor, Unrun};
use crate::plugin::bindings::inference;
use crate::plugin::bindings::types::{Error, ErrorKind, Rect};
use crate::plugin::lent::{Lent, failed, invalid, unsupported};

/// Models by the names the graph gives them.
pub type Shared = Arc<[(String, Arc<Network>)]>;

/// A model that a guest has opened.
pub struct Opened(Arc<Network>);

type Answer = wasmtime::Result<Result<Vec<inference::Tensor>, Error>>;

impl inference::Host for State {}

impl inference::HostModel for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Opened>, Error>> {
        match self.models.iter().find(|(known, _)| *known == name) {
            Some((_, network)) => {
                let opened = Opened(network.clone());
                Ok(Ok(self.table.push(opened)?))
            }
            None => {
                let names: Vec<&str> = self.models.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!(
                    "the graph gives this node no model \"{}\"; its `models` are [{}]",
                    super::journal::neutral(&name),
                    names.join(", ")
                );
                Ok(Err(Error { kind: ErrorKind::NotGranted, message }))
            }
        }
    }

    fn run_frame(&mut self, model: Resource<Opened>, _input: Resource<Lent>, area: Option<Rect>) -> Answer {
        let network = self.table.get(&model)?.0.clone();
        let (pool, deadline, halt) = (self.pool.clone(), self.deadline, self.halt.clone());
        let frame = match self.lent()?.whole() {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        let outputs = network.run_on(frame, area.map(Into::into), &pool, &|| {
            let now = Instant::now();
            now < deadline && !halt.is_past(now)
        });
        Ok(outputs.map(to_guest).map_err(refusal))
    }

    fn run(&mut self, model: Resource<Opened>, inputs: Vec<inference::Tensor>) -> Answer {
        let network = self.table.get(&model)?.0.clone();
        let (deadline, halt) = (self.deadline, &self.halt);
        let inputs: Vec<Tensor> = inputs.into_iter().map(from_guest).collect();
        let outputs = network.run(&inputs, &|| {
            let now = Instant::now();
            now < deadline && !halt.is_past(now)
        });
        Ok(outputs.map(to_guest).map_err(refusal))
    }

    fn drop(&mut self, model: Resource<Opened>) -> wasmtime::Result<()> {
        self.table.delete(model)?;
        Ok(())
    }
}

fn refusal(unrun: Unrun) -> Error {
    match &unrun {
        Unrun::Misfit(_) => invalid(unrun.to_string()),
        Unrun::Several(_) => unsupported(unrun.to_string()),
        Unrun::Stopped | Unrun::Failed(_) => failed(unrun.to_string()),
    }
}

fn from_guest(tensor: inference::Tensor) -> Tensor {
    let element = match tensor.element {
        inference::Element::Uint8 => Element::U8,
        inference::Element::Float32 => Element::F32,
    };
    let shape = tensor.shape.into_iter().map(|side| side as usize).collect();
    Tensor { element, shape, bytes: tensor.data }
}

fn to_guest(tensors: Vec<Tensor>) -> Vec<inference::Tensor> {
    let one = |tensor: Tensor| inference::Tensor {
        element: match tensor.element {
            Element::U8 => inference::Element::Uint8,
            Element::F32 => inference::Element::Float32,
        },
        // Sides are bounded by the memory a model may take.
        shape: tensor.shape.into_iter().map(|side| u32::try_from(side).unwrap_or(u32::MAX)).collect(),
        data: tensor.bytes,
    };
    tensors.into_iter().map(one).collect()
}
