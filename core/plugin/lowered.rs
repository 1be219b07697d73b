//! Bytes on their way into a guest, as a `list<u8>` of its interface.
//!
//! Owns that they are copied once, from where they lie: the engine lowers slices, vectors and
//! `bytes::Bytes`, of which the first cannot be returned from a host function and the others cost an
//! allocation each time. Leaves which bytes they are to `host::pixels`.

use std::mem::MaybeUninit;
use std::sync::Arc;

use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

use crate::media::Plane;

/// Bytes to lower, and whoever keeps them alive until then.
pub enum Lowered {
    Nothing,
    /// A plane whose rows lie packed.
    Packed(Plane),
    /// Put together for this one time.
    Copied(Arc<Vec<u8>>),
}

impl Lowered {
    /// The rows of `plane` without padding. Where there is some they are put together in `scratch`: lowering
    /// takes one slice, and no guest is ever shown padding.
    pub fn rows(plane: Plane, scratch: &mut Arc<Vec<u8>>) -> Lowered {
        if plane.view().contiguous().is_some() {
            return Lowered::Packed(plane);
        }
        let bytes = Arc::make_mut(scratch);
        bytes.clear();
        plane.view().rows().for_each(|row| bytes.extend_from_slice(row));
        Lowered::Copied(scratch.clone())
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Lowered::Nothing => &[],
            Lowered::Packed(plane) => plane.view().contiguous().unwrap_or_default(),
            Lowered::Copied(bytes) => bytes,
        }
    }
}

// SAFETY: whatever is asked of this type is asked of the slice instead, as the engine does for its own
// `Vec<u8>` and `Bytes`. The functions are hidden ones, so an engine that changes them does not compile here.
unsafe impl ComponentType for Lowered {
    type Lower = <[u8] as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;
    const MAY_REQUIRE_REALLOC: bool = <[u8] as ComponentType>::MAY_REQUIRE_REALLOC;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[u8] as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: as above.
unsafe impl Lower for Lowered {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        self.bytes().linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        self.bytes().linear_lower_to_memory(cx, ty, offset)
    }
}
