//! One conversation with a camera, on a thread and a runtime of its own.
//!
//! Owns connecting, asking for the first H.264 stream and taking its pictures, which leave by a bounded
//! channel. Ends when the camera does, or when nobody holds the other end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use futures_core::Stream as _;
use retina::client::{
    Credentials, PlayOptions, Session as Client, SessionGroup, SessionOptions, SetupOptions,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat};
use tokio::sync::oneshot;

use super::address::Address;

/// How long a camera may take to say what it has, and to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// About two seconds of pictures: the receiver is another thread of ours and never far behind.
const AHEAD: usize = 64;

/// How pictures travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Tcp,
    Udp,
}

/// What a camera told.
pub(super) enum News {
    /// It plays: pictures follow.
    Playing,
    Picture(Picture),
    /// The conversation is over, and nothing follows.
    Over(End),
}

/// One access unit in Annex B form; a keyframe's begins with its parameter sets.
pub(super) struct Picture {
    pub bytes: Vec<u8>,
    /// Since the camera's first picture, by its own clock.
    pub elapsed: Duration,
    pub keyframe: bool,
    /// Packets that were lost before it.
    pub lost: u16,
}

/// Why a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It may go better another time.
    Lost(String),
    /// It will not, until somebody changes something: a wrong password, a stream that is not H.264.
    Refused(String),
}

/// A conversation. Dropping it ends the conversation and waits for the goodbye.
pub(super) struct Session {
    pub news: Receiver<News>,
    leave: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Session {
    /// Begins one. Everything that goes wrong comes as news.
    pub fn begin(address: Address, way: Way) -> Session {
        let (tell, news) = sync_channel(AHEAD);
        let (leave, left) = oneshot::channel();
        let body = {
            let tell = tell.clone();
            move || converse(&address, way, &tell, left)
        };
        let thread = std::thread::Builder::new().name("rtsp".to_owned()).spawn(body);
        let thread = thread.map_err(|error| {
            let why = format!("there is no thread for it: {error}");
            // A new channel has room.
            let _ = tell.try_send(News::Over(End::Lost(why)));
        });
        Session { news, leave: Some(leave), thread: thread.ok() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Either fails when the conversation is over already.
        let _ = self.leave.take().map(|leave| leave.send(()));
        // A teller that waits for room would never hear of it.
        while self.news.try_recv().is_ok() {}
        drop(std::mem::replace(&mut self.news, sync_channel(1).1));
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

fn converse(address: &Address, way: Way, tell: &SyncSender<News>, left: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(tell.send(News::Over(End::Lost(format!("there is no runtime for it: {error}")))));
            return;
        }
    };
    runtime.block_on(async {
        let group = Arc::new(SessionGroup::default());
        let end = tokio::select! {
            end = play(address, way, tell, group.clone()) => Some(end),
            _ = left => None,
        };
        drop(tokio::time::timeout(GOODBYE, group.await_teardown()).await);
        drop(end.map(|end| tell.send(News::Over(end))));
    });
}

async fn play(address: &Address, way: Way, tell: &SyncSender<News>, group: Arc<SessionGroup>) -> End {
    let begun = tokio::time::timeout(PATIENCE, begin(address, way, group)).await;
    let client = match begun {
        Ok(Ok(client)) => client,
        Ok(Err(end)) => return end,
        Err(_) => return End::Lost(format!("gave no answer for {} s", PATIENCE.as_secs())),
    };
    let lost = |error: retina::Error| End::Lost(address.cleared(&error.to_string()));
    let mut items = pin!(match client.demuxed() {
        Ok(items) => items,
        Err(error) => return lost(error),
    });
    let gone = || End::Lost("nobody listens any more".to_owned());
    if tell.send(News::Playing).is_err() {
        return gone();
    }
    loop {
        let frame = match poll_fn(|cx| items.as_mut().poll_next(cx)).await {
            Some(Ok(CodecItem::VideoFrame(frame))) => frame,
            Some(Ok(_)) => continue,
            Some(Err(error)) => return lost(error),
            None => return End::Lost("ended its stream".to_owned()),
        };
        let elapsed = Duration::try_from_secs_f64(frame.timestamp().elapsed_secs()).unwrap_or_default();
        let (keyframe, lost) = (frame.is_random_access_point(), frame.loss());
        let picture = Picture { bytes: frame.into_data(), elapsed, keyframe, lost };
        if tell.send(News::Picture(picture)).is_err() {
            return gone();
        }
    }
}

async fn begin(
    address: &Address,
    way: Way,
    group: Arc<SessionGroup>,
) -> Result<Client<retina::client::Playing>, End> {
    let failed = |error: retina::Error| match error.status_code() {
        Some(401 | 403) => End::Refused("refuses this user and password".to_owned()),
        Some(404) => {
            End::Refused("has no such stream (404); the path in \"url\" is another for each make".to_owned())
        }
        _ => End::Lost(address.cleared(&error.to_string())),
    };
    let credentials = address.user.as_ref().map(|user| Credentials {
        username: user.clone(),
        password: address.password.clone().unwrap_or_default(),
    });
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent(concat!("framegate/", env!("CARGO_PKG_VERSION")).to_owned())
        .session_group(group);
    let mut client = Client::describe(address.url.clone(), options).await.map_err(&failed)?;
    let names: Vec<String> =
        client.streams().iter().map(|stream| stream.encoding_name().to_owned()).collect();
    let Some(stream) = names.iter().position(|name| name == "h264") else {
        let has = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(End::Refused(format!(
            "gives {has}, and only h264 is taken: choose it in the camera's settings"
        )));
    };
    let transport = match way {
        Way::Tcp => Transport::Tcp(TcpTransportOptions::default()),
        Way::Udp => Transport::Udp(UdpTransportOptions::default()),
    };
    let options = SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE);
    client.setup(stream, options).await.map_err(&failed)?;
    client.play(PlayOptions::default()).await.map_err(&failed)
}
