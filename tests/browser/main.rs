//! The whole way, looked at from the far end: a graph in the real program, its picture in a real
//! browser, and boxes where things move. What is asserted is content and order, never speed.

#[path = "../support/mod.rs"]
mod support;

mod aiortc;
mod demo;
mod firefox;
mod footage;
mod gstreamer;
mod hostile;
mod live;
mod medooze;
mod page;
mod push;
mod reload;
mod roaming;
mod seen;
mod swap;
mod tcp;
mod turn;
mod whip;
