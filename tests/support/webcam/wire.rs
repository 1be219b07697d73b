//! The USB redirection protocol (usbredir 0.7) from the device's side, as bytes.
//!
//! Owns the framing of messages; knows nothing of webcams. Claims the capabilities that QEMU's xHCI
//! asks for, which are those that decide how messages are framed.

use std::io::{self, Read};

/// Device version in `connect`, packet sizes in `ep_info`, 64 bits for ids, 32 bits for bulk lengths.
const CAPABILITIES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;

const HELLO: u32 = 0;

/// Endpoints are numbered 0..=15 out and 16..=31 in.
const ENDPOINTS: usize = 32;
const UNUSED: u8 = 255;

/// One message from the machine.
#[derive(Debug)]
pub struct Message {
    pub id: u64,
    pub packet: Packet,
}

#[derive(Debug)]
pub enum Packet {
    Hello,
    SetConfiguration(u8),
    GetConfiguration,
    SetAlternate {
        interface: u8,
        alternate: u8,
    },
    GetAlternate {
        interface: u8,
    },
    Control {
        setup: Setup,
        data: Vec<u8>,
    },
    /// The machine wants up to `length` bytes from the streaming endpoint.
    BulkIn {
        length: usize,
    },
    Cancel,
    Other,
}

/// A control transfer's setup stage (USB 2.0 §9.3).
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub request_type: u8,
    pub request: u8,
    pub value: u16,
    pub index: u16,
    pub length: u16,
}

#[derive(Clone, Copy)]
pub enum Status {
    Success = 0,
    Cancelled = 1,
    Stall = 4,
}

/// Reads one message.
///
/// # Errors
/// When the machine has gone, or a message is shorter than its kind.
pub fn read(from: &mut impl Read) -> io::Result<Message> {
    let kind = word(from)?;
    let mut body = vec![0; word(from)? as usize];
    let id = u64::from(word(from)?);
    // Only once both sides have said hello do ids have their upper half.
    let id = if kind == HELLO { id } else { id | u64::from(word(from)?) << 32 };
    from.read_exact(&mut body)?;
    let packet = parse(kind, body).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Message { id, packet })
}

fn word(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn parse(kind: u32, mut body: Vec<u8>) -> Option<Packet> {
    let byte = |at: usize| body.get(at).copied();
    let half = |at: usize| Some(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]));
    Some(match kind {
        HELLO => Packet::Hello,
        6 => Packet::SetConfiguration(byte(0)?),
        7 => Packet::GetConfiguration,
        9 => Packet::SetAlternate { interface: byte(0)?, alternate: byte(1)? },
        10 => Packet::GetAlternate { interface: byte(0)? },
        21 => Packet::Cancel,
        100 => {
            let setup = Setup {
                request: byte(1)?,
                request_type: byte(2)?,
                value: half(4)?,
                index: half(6)?,
                length: half(8)?,
            };
            Packet::Control { setup, data: body.split_off(10) }
        }
        101 => Packet::BulkIn { length: usize::from(half(2)?) | usize::from(half(8)?) << 16 },
        _ => Packet::Other,
    })
}

fn message(kind: u32, id: u64, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = [kind.to_le_bytes(), (body.len() as u32).to_le_bytes()].concat();
    bytes.extend(&id.to_le_bytes()[..if kind == HELLO { 4 } else { 8 }]);
    bytes.extend(body);
    bytes
}

pub fn hello() -> Vec<u8> {
    let mut version = [0; 64];
    version[..16].copy_from_slice(b"framegate webcam");
    message(HELLO, 0, &[&version, &CAPABILITIES.to_le_bytes()])
}

/// A high-speed device that says its class by interface.
pub fn connect(vendor: u16, product: u16) -> Vec<u8> {
    let ids = [vendor.to_le_bytes(), product.to_le_bytes(), 0x0100u16.to_le_bytes()].concat();
    message(1, 0, &[&[2, 0xef, 2, 1], &ids])
}

/// The two video interfaces: control and streaming.
pub fn interfaces() -> Vec<u8> {
    let table = |of: [u8; 2]| {
        let mut table = [0; ENDPOINTS];
        table[..2].copy_from_slice(&of);
        table
    };
    message(4, 0, &[&2u32.to_le_bytes(), &table([0, 1]), &table([14, 14]), &table([1, 2]), &table([0, 0])])
}

/// The control endpoint and one bulk endpoint for pictures.
pub fn endpoints(streaming: u8, packet: u16) -> Vec<u8> {
    let at = usize::from((streaming & 0x80) >> 3 | streaming & 0x0f);
    let mut kinds = [UNUSED; ENDPOINTS];
    (kinds[0], kinds[16], kinds[at]) = (0, 0, 2);
    let mut interfaces = [0; ENDPOINTS];
    interfaces[at] = 1;
    let mut packets = [0; 2 * ENDPOINTS];
    for (endpoint, bytes) in [(0, 64u16), (16, 64), (at, packet)] {
        packets[2 * endpoint..][..2].copy_from_slice(&bytes.to_le_bytes());
    }
    message(5, 0, &[&kinds, &[0; ENDPOINTS], &interfaces, &packets])
}

pub fn configuration_status(id: u64, configuration: u8) -> Vec<u8> {
    message(8, id, &[&[Status::Success as u8, configuration]])
}

pub fn alternate_status(id: u64, interface: u8, alternate: u8) -> Vec<u8> {
    message(11, id, &[&[Status::Success as u8, interface, alternate]])
}

pub fn control_reply(id: u64, setup: Setup, status: Status, data: &[u8]) -> Vec<u8> {
    let incoming = setup.request_type & 0x80;
    let data = &data[..data.len().min(setup.length.into())];
    let length = if incoming == 0 { setup.length } else { data.len() as u16 };
    let numbers = [setup.value, setup.index, length].map(u16::to_le_bytes).concat();
    message(100, id, &[&[incoming, setup.request, setup.request_type, status as u8], &numbers, data])
}

pub fn bulk_reply(id: u64, status: Status, data: &[u8]) -> Vec<u8> {
    const STREAM: [u8; 4] = [0; 4];
    let length = (data.len() as u32).to_le_bytes();
    message(
        101,
        id,
        &[&[super::descriptors::STREAMING, status as u8], &length[..2], &STREAM, &length[2..], data],
    )
}
